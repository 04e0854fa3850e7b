//! Grey pictures of paper, for eyes and for tests.

use super::Bitmap;

/// Why a picture could not be written as PNG.
#[derive(Debug, thiserror::Error)]
#[error("the picture could not be encoded as PNG")]
pub struct PngError(#[from] png::EncodingError);

/// An 8-bit grey picture; 0 is black, 255 white.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    greys: Vec<u8>,
}

impl Picture {
    /// A picture of one grey.
    pub fn new(width: usize, height: usize, grey: u8) -> Self {
        Self {
            width,
            height,
            greys: vec![grey; width * height],
        }
    }

    /// Columns in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The grey of a pixel; outside the picture it is white.
    pub fn grey(&self, x: usize, y: usize) -> u8 {
        if x < self.width && y < self.height {
            self.greys[y * self.width + x]
        } else {
            u8::MAX
        }
    }

    /// Sets the grey of a pixel; outside the picture nothing happens.
    pub fn set_grey(&mut self, x: usize, y: usize, grey: u8) {
        if x < self.width && y < self.height {
            self.greys[y * self.width + x] = grey;
        }
    }

    /// Puts a bitmap's ink into the picture with its corner at `x`, `y`.
    pub fn ink(&mut self, bitmap: &Bitmap, x: usize, y: usize, grey: u8) {
        for row in 0..bitmap.height() {
            for column in 0..bitmap.width() {
                if bitmap.get(column, row) {
                    self.set_grey(x + column, y + row, grey);
                }
            }
        }
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// If the encoder refuses it, as it does a picture without pixels.
    pub fn to_png(&self) -> Result<Vec<u8>, PngError> {
        let mut file = Vec::new();
        let width = u32::try_from(self.width).unwrap_or(u32::MAX);
        let height = u32::try_from(self.height).unwrap_or(u32::MAX);
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.greys)?;
        writer.finish()?;
        Ok(file)
    }
}
