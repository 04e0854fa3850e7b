//! Pictures: of a screen, of a sheet of paper.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use anyhow::{Context, Result, bail};

/// A picture of 8-bit red, green and blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// Three bytes a pixel, row by row from the top.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Writes a PNG.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut encoder = png::Encoder::new(BufWriter::new(file), self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&self.rgb)?;
        Ok(())
    }

    /// Reads a PNG of any kind.
    ///
    /// # Errors
    /// If there is none.
    pub fn load(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut decoder = png::Decoder::new(BufReader::new(file));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info()?;
        let size = reader
            .output_buffer_size()
            .context("the picture is too large")?;
        let mut bytes = vec![0; size];
        let frame = reader.next_frame(&mut bytes)?;
        bytes.truncate(frame.buffer_size());
        let rgb = match frame.color_type {
            png::ColorType::Rgb => bytes,
            png::ColorType::Rgba => bytes
                .chunks_exact(4)
                .flat_map(|p| [p[0], p[1], p[2]])
                .collect(),
            png::ColorType::Grayscale => bytes.iter().flat_map(|p| [*p; 3]).collect(),
            png::ColorType::GrayscaleAlpha => {
                bytes.chunks_exact(2).flat_map(|p| [p[0]; 3]).collect()
            }
            png::ColorType::Indexed => bail!("the palette was not expanded"),
        };
        Ok(Self {
            width: frame.width,
            height: frame.height,
            rgb,
        })
    }

    /// How dark the pixel at `x`, `y` is: 0 black, 255 white.
    #[must_use]
    pub fn lightness(&self, x: u32, y: u32) -> u8 {
        let at = (y as usize * self.width as usize + x as usize) * 3;
        let sum: u32 = self.rgb[at..at + 3].iter().map(|c| u32::from(*c)).sum();
        u8::try_from(sum / 3).expect("a mean of bytes is a byte")
    }

    /// Part of the pixels that differ, 0 to 1; 1 for another size.
    #[must_use]
    pub fn difference(&self, other: &Self) -> f64 {
        if (self.width, self.height) != (other.width, other.height) {
            return 1.0;
        }
        let pairs = self.rgb.chunks_exact(3).zip(other.rgb.chunks_exact(3));
        let differing = pairs.filter(|(a, b)| a != b).count();
        differing as f64 / (f64::from(self.width) * f64::from(self.height))
    }

    /// Whether everything has one colour, as in a window that draws nothing.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.rgb
            .chunks_exact(3)
            .all(|pixel| pixel == &self.rgb[..3])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_survives_its_file() {
        let mut picture = Picture {
            width: 2,
            height: 2,
            rgb: vec![255; 12],
        };
        assert!(picture.is_blank());
        picture.rgb[3] = 0;
        assert!(!picture.is_blank());
        assert_eq!(picture.lightness(1, 0), 170);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.png");
        picture.save(&path).unwrap();
        let read = Picture::load(&path).unwrap();
        assert_eq!(read, picture);
        picture.rgb[0] = 1;
        assert!((read.difference(&picture) - 0.25).abs() < 1e-9);
    }
}
