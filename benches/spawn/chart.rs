//! The chart of docs/cost.md: one bar per contestant, its length the wall time. SVG by hand, without a background and
//! with colours for light and for dark pages.

use crate::contestants::{CURL, GLIBC, MUSL};
use crate::measure::Measured;
use crate::report::milliseconds;

/// Where it belongs, seen from the package's folder.
pub(crate) const PATH: &str = "docs/cost.svg";

/// Draws the chart, with a heading over the contestants that are asked the same. The scale ends with curl's longest
/// bar, so that the short ones can be seen: a longer one is cut.
pub(crate) fn draw(rows: &[Measured], rounds: usize) -> String {
    let of_curl = rows.iter().filter(|row| row.contestant.name == CURL);
    let limit = of_curl.map(|row| row.wall.median.as_secs_f64()).fold(f64::MIN_POSITIVE, f64::max);
    let (mut bars, mut y, mut before) = (String::new(), TOP, None);
    for row in rows {
        let asked = row.contestant.asked;
        if before != Some(asked) {
            y += GAP;
            bars += &format!("<text class=\"head\" x=\"0\" y=\"{}\">{asked}</text>\n", y + BASELINE);
            before = Some(asked);
        }
        bars += &bar(row, row.wall.median.as_secs_f64() / limit, y);
        y += LINE;
    }
    let (width, height) = (LEFT + WIDEST + 54, y + 4);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>{TITLE}</title>\n<style>{STYLE}</style>\n\
         <text class=\"head\" x=\"0\" y=\"{BASELINE}\">{TITLE}</text>\
         <text class=\"note\" x=\"{width}\" y=\"{BASELINE}\">median of {rounds} spawns</text>\n{bars}</svg>\n"
    )
}

/// One line: the name, a bar of this part of the widest, and the time.
fn bar(row: &Measured, part: f64, y: u32) -> String {
    let width = f64::from(WIDEST) * part.min(1.0);
    let class = if [MUSL, GLIBC].contains(&row.contestant.name) { "own" } else { "other" };
    let top = y + (LINE - THICK) / 2;
    let rectangle = |x: f64, width: f64| {
        format!("<rect class=\"{class}\" x=\"{x:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{THICK}\"/>")
    };
    let left = f64::from(LEFT);
    let bar = if part > 1.0 {
        rectangle(left, width - CUT) + &rectangle(left + width - CUT / 2.0, CUT / 2.0)
    } else {
        rectangle(left, width)
    };
    let (name, time, base) = (row.contestant.name, milliseconds(row.wall.median), y + BASELINE);
    format!(
        "<text class=\"name\" x=\"{}\" y=\"{base}\">{name}</text>{bar}<text x=\"{:.1}\" y=\"{base}\">{time}</text>\n",
        LEFT - 8,
        left + width + 6.0,
    )
}

const TITLE: &str = "Milliseconds from spawn to exit";

/// Text in GitHub's own colours, and bars that can be told apart on both of its pages.
const STYLE: &str = "
text { font: 12px -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif; fill: #1f2328 }
.head { font-weight: 600 }
.name { text-anchor: end }
.note { text-anchor: end; fill: #59636e }
.own { fill: #0969da }
.other { fill: #9198a1 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .note { fill: #9198a1 }
  .own { fill: #4493f8 }
  .other { fill: #656c76 }
}
";

/// In pixels: the names' column, the longest bar, a line, the bar in it, where its text stands, the space between
/// groups, and that of the title.
const LEFT: u32 = 230;
const WIDEST: u32 = 476;
const LINE: u32 = 18;
const THICK: u32 = 12;
const BASELINE: u32 = 13;
const GAP: u32 = 8;
const TOP: u32 = 20;

/// What the end of a bar that is cut takes: half of it a gap.
const CUT: f64 = 12.0;
