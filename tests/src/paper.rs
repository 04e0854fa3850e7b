//! Reading a printed paper with a camera's eyes: the number in large type and
//! the square code, from the picture alone.
//!
//! The number is drawn on paper, not sent as text, so the rig learns what each
//! letter looks like from tickets of its own and finds it again on the picture.

use anyhow::{Context, Result, bail, ensure};
use usher_printer::document::{Direction, Line, PaperDocument, Ticket};
use usher_printer::emulator::{Emulator, Sheet as PrintedSheet};
use usher_printer::profile::Profile;
use usher_printer::raster::Shaper;
use usher_protocol::TicketNumber;

use crate::picture::Picture;

/// Dots of a millimetre on the printers that the rig uses (203 dpi).
const DOTS_PER_MM: u32 = 8;
/// The height of a shape in a number: 15 mm are asked for at least, and J and Q
/// reach below the line. A square code's corners are less, a frame is more.
const SHAPE_HEIGHT_MM: std::ops::RangeInclusive<u32> = 14..=22;
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

/// Shapes are compared on a grid this wide and high.
const GRID: (u32, u32) = (16, 24);
/// Most that a shape may differ from its model, as mean difference of a grid
/// cell, 0 to 255. Prints of the same letter differ by rounding only.
const DIFFERENCE_MAX: u32 = 24;

/// A shape stretched onto the grid: long numbers are printed narrower, so its
/// proportions say nothing.
#[derive(Debug, Clone)]
struct Shape(Vec<u8>);

/// Reads numbers from pictures of paper. It cannot read letters that touch, as Q
/// and J do in Noto Sans; no sample office has such a series.
#[derive(Debug)]
pub struct NumberReader {
    letters: Vec<(char, Shape)>,
    digits: Vec<(char, Shape)>,
}

#[derive(Debug, Clone, Copy)]
struct Area {
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
}

impl NumberReader {
    /// Learns the letters.
    ///
    /// # Errors
    /// If specimens cannot be printed, or show anything but their letter.
    pub fn new() -> Result<Self> {
        let mut shaper = Shaper::new();
        let mut learn = |alphabet: &str| -> Result<Vec<(char, Shape)>> {
            alphabet
                .chars()
                .map(|letter| {
                    let picture = print_specimen(&letter.to_string(), &mut shaper)?;
                    let shapes = number_shapes(&picture);
                    let [area] = shapes[..] else {
                        bail!("the specimen {letter} has {} shapes", shapes.len());
                    };
                    Ok((letter, shape(&picture, area)))
                })
                .collect()
        };
        Ok(Self {
            letters: learn(LETTERS)?,
            digits: learn(DIGITS)?,
        })
    }

    /// The number in large type on a paper.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn read(&self, picture: &Picture) -> Result<TicketNumber> {
        let areas = number_shapes(picture);
        ensure!(
            (2..=6).contains(&areas.len()),
            "{} large shapes are no number",
            areas.len()
        );
        let shapes: Vec<Shape> = areas.iter().map(|area| shape(picture, *area)).collect();
        // One or two letters, then digits: O and 0 are told apart by their place.
        let readings = (1..=2.min(shapes.len() - 1)).map(|letters| self.read_as(&shapes, letters));
        let (text, difference) = readings
            .min_by_key(|(_, difference)| *difference)
            .context("one shape is no number")?;
        ensure!(
            difference <= DIFFERENCE_MAX,
            "the number is most like {text}, but a shape of it differs by {difference}"
        );
        Ok(text.parse()?)
    }

    /// The best reading with so many letters, and how much its worst shape differs.
    fn read_as(&self, shapes: &[Shape], letters: usize) -> (String, u32) {
        let mut text = String::new();
        let mut worst = 0;
        for (at, shape) in shapes.iter().enumerate() {
            let models = if at < letters {
                &self.letters
            } else {
                &self.digits
            };
            let (letter, difference) = nearest(models, shape);
            text.push(letter);
            worst = worst.max(difference);
        }
        (text, worst)
    }
}

fn nearest(models: &[(char, Shape)], shape: &Shape) -> (char, u32) {
    models
        .iter()
        .map(|(letter, model)| (*letter, model.difference(shape)))
        .min_by_key(|(_, difference)| *difference)
        .expect("the alphabets are not empty")
}

impl Shape {
    fn difference(&self, other: &Self) -> u32 {
        let pairs = self.0.iter().zip(&other.0);
        let sum: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        sum / (GRID.0 * GRID.1)
    }
}

/// The content of the square code on a paper.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn read_code(picture: &Picture) -> Result<String> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        let at = |value: usize| u32::try_from(value).expect("within the picture");
        picture.lightness(at(x), at(y))
    });
    let grids = prepared.detect_grids();
    let grid = grids.first().context("no square code on the paper")?;
    let (_, content) = grid.decode()?;
    Ok(content)
}

fn print_specimen(number: &str, shaper: &mut Shaper) -> Result<Picture> {
    let small = || Line::new(".");
    let ticket = Ticket {
        office_name: ".".into(),
        office_line: String::new(),
        language: "en".into(),
        direction: Direction::LeftToRight,
        heading: small(),
        number: number.into(),
        service: small(),
        arrived: small(),
        wait: None,
        where_to_wait: small(),
        bring_title: small(),
        bring: Vec::new(),
        code: None,
        privacy: small(),
        reprint: None,
    };
    let profile = Profile::mm80();
    let bytes = usher_printer::encode(&PaperDocument::Ticket(ticket), &profile, shaper)?;
    let mut printer = Emulator::new(profile);
    printer.feed(&bytes);
    let sheet = printer
        .take_sheets()
        .pop()
        .context("no sheet was cut off")?;
    picture_of(&sheet, shaper)
}

fn picture_of(sheet: &PrintedSheet, shaper: &mut Shaper) -> Result<Picture> {
    let print = sheet.render_with(shaper);
    let (width, height) = (print.width(), print.height());
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Ok(Picture {
        width: u32::try_from(width)?,
        height: u32::try_from(height)?,
        rgb: places.flat_map(|(x, y)| [print.grey(x, y); 3]).collect(),
    })
}

fn is_ink(picture: &Picture, x: u32, y: u32) -> bool {
    picture.lightness(x, y) < 128
}

/// The shapes as high as a number's, left to right. A shape is ink that hangs
/// together: neighbouring letters may stand above each other's feet.
fn number_shapes(picture: &Picture) -> Vec<Area> {
    let (width, height) = (picture.width, picture.height);
    let place = |x: u32, y: u32| y as usize * width as usize + x as usize;
    let mut visited = vec![false; width as usize * height as usize];
    let mut found = Vec::new();
    for y in 0..height {
        for x in 0..width {
            if visited[place(x, y)] || !is_ink(picture, x, y) {
                continue;
            }
            visited[place(x, y)] = true;
            let mut area = Area {
                left: x,
                top: y,
                right: x + 1,
                bottom: y + 1,
            };
            let mut edge = vec![(x, y)];
            while let Some((x, y)) = edge.pop() {
                area.left = area.left.min(x);
                area.top = area.top.min(y);
                area.right = area.right.max(x + 1);
                area.bottom = area.bottom.max(y + 1);
                for ny in y.saturating_sub(1)..(y + 2).min(height) {
                    for nx in x.saturating_sub(1)..(x + 2).min(width) {
                        if !visited[place(nx, ny)] && is_ink(picture, nx, ny) {
                            visited[place(nx, ny)] = true;
                            edge.push((nx, ny));
                        }
                    }
                }
            }
            if SHAPE_HEIGHT_MM.contains(&((area.bottom - area.top) / DOTS_PER_MM)) {
                found.push(area);
            }
        }
    }
    // Rows are scanned from the top, so the number's row comes first; the boxes
    // of a form below it may be as high.
    let first_bottom = found.first().map_or(0, |area| area.bottom);
    found.retain(|area| area.top < first_bottom);
    found.sort_by_key(|area| area.left);
    found
}

fn shape(picture: &Picture, area: Area) -> Shape {
    let (width, height) = (area.right - area.left, area.bottom - area.top);
    let mut cells = Vec::new();
    for row in 0..GRID.1 {
        for column in 0..GRID.0 {
            // Four samples a cell are enough for letters of a hundred dots.
            let ink = [(1, 1), (3, 1), (1, 3), (3, 3)]
                .into_iter()
                .filter(|(dx, dy)| {
                    let x = area.left + (column * 4 + dx) * width / (GRID.0 * 4);
                    let y = area.top + (row * 4 + dy) * height / (GRID.1 * 4);
                    is_ink(picture, x, y)
                })
                .count();
            cells.push(u8::try_from(ink * 63).expect("at most four samples"));
        }
    }
    Shape(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_from_its_picture() {
        let reader = NumberReader::new().unwrap();
        let mut shaper = Shaper::new();
        for text in [
            "B42", "X101", "QA9876", "JK88", "A1", "IO10", "MW5583", "L7",
        ] {
            let number: TicketNumber = text.parse().unwrap();
            let picture = print_specimen(&number.spaced(), &mut shaper).unwrap();
            assert_eq!(reader.read(&picture).unwrap(), number);
        }
    }

    #[test]
    fn paper_without_a_number_is_no_number() {
        let reader = NumberReader::new().unwrap();
        let blank = Picture {
            width: 576,
            height: 400,
            rgb: vec![255; 576 * 400 * 3],
        };
        assert!(reader.read(&blank).is_err());
        assert!(read_code(&blank).is_err());
    }
}
