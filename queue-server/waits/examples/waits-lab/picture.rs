//! The pictures of `docs/waits.md`, as SVG.

use std::fmt::Write as _;

use crate::Measured;

const INK: &str = "#1d2733";
const FAINT: &str = "#c9d1da";
const OURS: &str = "#0b6e4f";
const OTHERS: [(&str, &str); 3] = [("QL", "#b5542b"), ("LES", "#5a6fb0"), ("HOL", "#8a5aa0")];

fn open(width: f64, height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"{INK}\" role=\"img\">\n\
         <title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    )
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    let _ = writeln!(
        out,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn text(out: &mut String, at: (f64, f64), anchor: &str, words: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{words}</text>",
        at.0, at.1
    );
}

fn dot(out: &mut String, at: (f64, f64), radius: f64, colour: &str) {
    let _ = writeln!(
        out,
        "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\" fill=\"{colour}\" fill-opacity=\"0.75\"/>",
        at.0, at.1
    );
}

/// Promised against observed shares, a dot for each office and quantile.
pub(crate) fn calibration(results: &[Measured]) -> String {
    let (left, top, side) = (60.0, 40.0, 320.0);
    let mut out = open(410.0, 420.0, "Promised and observed shares of waits");
    text(
        &mut out,
        (left, 22.0),
        "start",
        "Share of waits below each promised quantile",
    );
    let place =
        |promised: f64, observed: f64| (left + side * promised, top + side * (1.0 - observed));
    for level in [0.05, 0.25, 0.5, 0.75, 0.95] {
        let name = format!("{:.0} %", level * 100.0);
        line(&mut out, place(level, 0.0), place(level, 1.0), FAINT);
        line(&mut out, place(0.0, level), place(1.0, level), FAINT);
        let (x, y) = place(level, 0.0);
        text(&mut out, (x, y + 18.0), "middle", &name);
        let (x, y) = place(0.0, level);
        text(&mut out, (x - 8.0, y + 4.0), "end", &name);
    }
    line(&mut out, place(0.0, 0.0), place(1.0, 1.0), INK);
    for result in results {
        for (level, observed) in [0.05, 0.25, 0.5, 0.75, 0.95].into_iter().zip(result.below) {
            dot(&mut out, place(level, observed), 3.5, OURS);
        }
    }
    text(
        &mut out,
        (left + side / 2.0, top + side + 42.0),
        "middle",
        "promised",
    );
    let _ = writeln!(
        out,
        "<text transform=\"translate(14 {:.0}) rotate(-90)\" text-anchor=\"middle\">observed</text>",
        top + side / 2.0
    );
    out + "</svg>\n"
}

/// How many times ours the classical estimates' squared errors are.
pub(crate) fn errors(results: &[Measured]) -> String {
    let (left, top, width, row) = (190.0, 62.0, 440.0, 22.0);
    let height = top + row * results.len() as f64 + 50.0;
    let mut out = open(660.0, height, "Squared errors of the classical estimates");
    text(
        &mut out,
        (14.0, 22.0),
        "start",
        "Mean squared error of the classical estimates, as a multiple of ours",
    );
    let (low, high) = (0.7_f64.ln(), 16.0_f64.ln());
    let place = |ratio: f64| {
        let log = ratio.ln().clamp(low, high);
        left + width * (log - low) / (high - low)
    };
    let bottom = top + row * results.len() as f64;
    for tick in [1.0, 2.0, 4.0, 8.0, 16.0] {
        let colour = if tick == 1.0 { OURS } else { FAINT };
        line(
            &mut out,
            (place(tick), top - 6.0),
            (place(tick), bottom),
            colour,
        );
        text(
            &mut out,
            (place(tick), bottom + 18.0),
            "middle",
            &format!("{tick}×"),
        );
    }
    text(
        &mut out,
        (place(1.0), bottom + 36.0),
        "middle",
        "as good as ours",
    );
    text(
        &mut out,
        (place(12.0), bottom + 36.0),
        "middle",
        "16× or more at the edge",
    );
    for (at, (name, colour)) in OTHERS.into_iter().enumerate() {
        let x = left + 60.0 * at as f64;
        dot(&mut out, (x + 4.0, 42.0), 4.5, colour);
        text(&mut out, (x + 14.0, 46.0), "start", name);
    }
    for (at, result) in results.iter().enumerate() {
        let y = top + row * (at as f64 + 0.5);
        text(&mut out, (left - 12.0, y + 4.0), "end", result.name);
        line(&mut out, (left, y), (left + width, y), "#eef1f4");
        for ((_, colour), theirs) in OTHERS.into_iter().zip([result.ql, result.les, result.hol]) {
            dot(&mut out, (place(theirs / result.mse), y), 4.5, colour);
        }
    }
    out + "</svg>\n"
}
