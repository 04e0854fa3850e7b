//! Any script to 1-bit pictures, and pictures to PNG.

mod picture;
mod shaper;

pub use picture::{Picture, PngError};
pub use shaper::{ShapedLine, Shaper, TextStyle, Weight};

use std::ops::Range;

/// A 1-bit picture, one bit a dot, ink is 1, rows padded to whole bytes: the
/// form in which printers take raster images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    width: usize,
    height: usize,
    bits: Vec<u8>,
}

/// A rectangle of dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// First column.
    pub x: usize,
    /// First row.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Bitmap {
    /// A blank picture.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            bits: vec![0; width.div_ceil(8) * height],
        }
    }

    /// Columns in dots.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows in dots.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Bytes in a row.
    pub fn stride(&self) -> usize {
        self.width.div_ceil(8)
    }

    /// Whether there is ink at a dot; outside the picture there is none.
    pub fn get(&self, x: usize, y: usize) -> bool {
        x < self.width
            && y < self.height
            && self.bits[y * self.stride() + x / 8] & (0x80 >> (x % 8)) != 0
    }

    /// Inks a dot; outside the picture nothing happens.
    pub fn set(&mut self, x: usize, y: usize) {
        if x < self.width && y < self.height {
            let stride = self.stride();
            self.bits[y * stride + x / 8] |= 0x80 >> (x % 8);
        }
    }

    /// Inks a rectangle, as far as it is inside.
    pub fn fill(&mut self, rect: Rect) {
        for y in rect.y..(rect.y + rect.height).min(self.height) {
            for x in rect.x..(rect.x + rect.width).min(self.width) {
                self.set(x, y);
            }
        }
    }

    /// Adds the ink of another picture with its corner at `x`, `y`.
    pub fn draw(&mut self, other: &Bitmap, x: usize, y: usize) {
        for row in 0..other.height.min(self.height.saturating_sub(y)) {
            for column in 0..other.width {
                if other.get(column, row) {
                    self.set(x + column, y + row);
                }
            }
        }
    }

    /// The smallest rectangle that holds all ink; `None` on a blank picture.
    pub fn ink(&self) -> Option<Rect> {
        let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
        for y in 0..self.height {
            for x in 0..self.width {
                if self.get(x, y) {
                    left = left.min(x);
                    right = right.max(x);
                    top = top.min(y);
                    bottom = bottom.max(y);
                }
            }
        }
        (top != usize::MAX).then(|| Rect {
            x: left,
            y: top,
            width: right - left + 1,
            height: bottom - top + 1,
        })
    }

    /// A copy of one rectangle.
    pub fn crop(&self, rect: Rect) -> Bitmap {
        let mut cropped = Bitmap::new(rect.width, rect.height);
        for y in 0..rect.height {
            for x in 0..rect.width {
                if self.get(rect.x + x, rect.y + y) {
                    cropped.set(x, y);
                }
            }
        }
        cropped
    }

    /// The bytes of some rows.
    ///
    /// # Panics
    /// If the rows are not inside the picture.
    pub fn rows(&self, rows: Range<usize>) -> &[u8] {
        &self.bits[rows.start * self.stride()..rows.end * self.stride()]
    }

    /// Adds blank rows at the bottom.
    pub fn extend_to(&mut self, height: usize) {
        if height > self.height {
            self.height = height;
            self.bits.resize(self.stride() * height, 0);
        }
    }
}

/// A length in dots as a whole number: rounded, nothing below zero.
pub(crate) fn whole(value: f32) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from float saturates, which is what is meant here; callers' values are small"
    )]
    let whole = value.round().max(0.0) as usize;
    whole
}

/// A whole number of dots as a length; exact for every size that occurs on paper.
pub(crate) fn length(dots: usize) -> f32 {
    u16::try_from(dots).map_or(f32::from(u16::MAX), f32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ink_is_found_and_cropped_exactly() {
        let mut bitmap = Bitmap::new(21, 10);
        assert_eq!(bitmap.ink(), None);
        let rect = Rect {
            x: 7,
            y: 2,
            width: 9,
            height: 3,
        };
        bitmap.fill(rect);
        assert_eq!(bitmap.ink(), Some(rect));
        let cropped = bitmap.crop(rect);
        assert_eq!((cropped.width(), cropped.height()), (9, 3));
        assert_eq!(cropped.rows(0..1), [0xFF, 0x80]);
    }

    #[test]
    fn drawing_past_the_edge_is_cut_off_not_a_panic() {
        let mut small = Bitmap::new(4, 4);
        let mut big = Bitmap::new(40, 40);
        big.fill(Rect {
            x: 0,
            y: 0,
            width: 40,
            height: 40,
        });
        small.draw(&big, 2, 3);
        small.draw(&big, 9, 9);
        assert!(small.get(3, 3) && !small.get(1, 3) && !small.get(3, 2));
    }
}
