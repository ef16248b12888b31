// SPDX-License-Identifier: MIT OR Apache-2.0
//! Figures as SVG: a histogram of latencies and bars of throughput.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;

const SIZE: (u32, u32) = (860, 360);

/// In two parts, or checkers of licences take the line for this file's own.
const LICENCE: &str = concat!("<!-- SPDX-License", "-Identifier: MIT OR Apache-2.0 -->");

/// Of a series, in the order of the tables' columns. They differ in brightness, too.
const COLOURS: [RGBColor; 5] = [
    RGBColor(188, 76, 0),
    RGBColor(130, 80, 223),
    RGBColor(87, 96, 106),
    RGBColor(9, 105, 218),
    RGBColor(26, 127, 55),
];

/// How many bins a histogram has.
const BINS: u64 = 60;

/// A name, and how many events took how many nanoseconds.
pub(super) type Latencies<'a> = (&'a str, &'a [(u64, u64)]);

/// A step line for each series: which share of its events took about so long. `None` where there are no events.
pub(super) fn latency(title: &str, series: &[Latencies<'_>]) -> Result<Option<String>> {
    let times = || series.iter().flat_map(|(_, counts)| counts.iter());
    let Some(longest) = times().map(|(ns, _)| *ns).max() else {
        return Ok(None);
    };
    let width = longest / BINS + 1;
    let shares: Vec<Vec<f64>> = series
        .iter()
        .map(|(_, counts)| bins(counts, width))
        .collect();
    let highest = shares.iter().flatten().copied().fold(0.0, f64::max);
    svg(|root| {
        let micros = (width * BINS) as f64 / 1000.0;
        let mut chart = ChartBuilder::on(root)
            .caption(title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(56)
            // Room for the legend on the right.
            .build_cartesian_2d(0.0..micros * 1.25, 0.0..highest * 1.1)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("µs")
            .y_desc("% of events")
            .label_style(("sans-serif", 14))
            .draw()?;
        for (((name, _), shares), colour) in series.iter().zip(&shares).zip(COLOURS) {
            let step = |bin: usize| (width * bin as u64) as f64 / 1000.0;
            let outline = shares
                .iter()
                .enumerate()
                .flat_map(|(bin, share)| [(step(bin), *share), (step(bin + 1), *share)]);
            chart
                .draw_series(LineSeries::new(outline, colour.stroke_width(2)))?
                .label(*name)
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 5), (x + 14, y + 5)], colour.filled())
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font(("sans-serif", 14))
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
        Ok(())
    })
    .map(Some)
}

/// A bar for each series, with its number.
pub(super) fn throughput(title: &str, series: &[(&str, f64)]) -> Result<String> {
    let highest = series.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let rows = series.len();
    svg(|root| {
        let mut chart = ChartBuilder::on(root)
            .caption(title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(120)
            .build_cartesian_2d(0.0..highest * 1.15, 0.0..rows as f64)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(TRANSPARENT)
            .x_desc("million events a second")
            .label_style(("sans-serif", 14))
            .draw()?;
        for (row, ((name, value), colour)) in series.iter().zip(COLOURS).enumerate() {
            let middle = (rows - row) as f64 - 0.5;
            chart.draw_series([Rectangle::new(
                [(0.0, middle - 0.32), (*value, middle + 0.32)],
                colour.filled(),
            )])?;
            let (left, y) = chart.backend_coord(&(0.0, middle));
            let (right, _) = chart.backend_coord(&(*value, middle));
            root.draw(&Text::new(
                (*name).to_owned(),
                (16, y - 8),
                ("sans-serif", 15),
            ))?;
            let number = format!("{value:.1}");
            root.draw(&Text::new(
                number,
                (right.max(left) + 6, y - 8),
                ("sans-serif", 15),
            ))?;
        }
        Ok(())
    })
}

/// The share of each bin in percent.
fn bins(counts: &[(u64, u64)], width: u64) -> Vec<f64> {
    let mut bins = vec![0; BINS as usize];
    for (ns, count) in counts {
        bins[(ns / width) as usize] += count;
    }
    let all: u64 = bins.iter().sum();
    bins.into_iter()
        .map(|count| 100.0 * count as f64 / all.max(1) as f64)
        .collect()
}

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn svg(draw: impl FnOnce(&Canvas<'_>) -> Result<(), DrawingError>) -> Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        draw(&root)?;
        root.present()?;
    }
    Ok(svg.replacen(">\n", &format!(">\n{LICENCE}\n"), 1))
}

type DrawingError = DrawingAreaErrorKind<std::io::Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_have_the_share_of_their_events() {
        let shares = bins(&[(0, 1), (9, 1), (10, 2)], 10);
        assert_eq!(shares[..3], [50.0, 50.0, 0.0]);
        assert_eq!(shares.len(), BINS as usize);
    }

    #[test]
    fn a_histogram_names_its_series_and_units() {
        let fast = [(2400, 900), (2500, 100)];
        let slow = [(9000, 500), (12_696, 500)];
        let plot = latency("Latency", &[("mypoll", &fast), ("chardev v2", &slow)]).unwrap();
        let plot = plot.unwrap();
        for text in ["Latency", "mypoll", "chardev v2", "µs", "% of events"] {
            assert!(plot.contains(text), "{text}: {plot}");
        }
        assert_eq!(latency("Latency", &[("mypoll", &[])]).unwrap(), None);
    }

    #[test]
    fn bars_are_as_long_as_their_numbers() {
        let plot = throughput("Throughput", &[("slow", 10.0), ("fast", 40.0)]).unwrap();
        let width = |colour: &str| -> f64 {
            let (_, bar) = plot.split_once(&format!("fill=\"{colour}\"")).unwrap();
            let before = plot.len() - bar.len();
            let (_, width) = plot[..before].rsplit_once("width=\"").unwrap();
            width.split('"').next().unwrap().parse().unwrap()
        };
        let ratio = width("#8250DF") / width("#BC4C00");
        assert!((3.9..4.1).contains(&ratio), "{ratio}: {plot}");
        assert!(plot.contains("40.0"), "{plot}");
    }
}
