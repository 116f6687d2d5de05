//! A picture of latencies over time.
//!
//! In: a histogram for each second. Out: an SVG file. It must not measure.

use std::path::Path;

use hdrhistogram::Histogram;
use plotters::prelude::*;

use crate::Failure;

/// The curves, with how each is drawn.
const CURVES: [(&str, f64, RGBColor); 3] = [
    ("p50", 0.5, RGBColor(40, 120, 60)),
    ("p99", 0.99, RGBColor(200, 120, 0)),
    ("p99.9", 0.999, RGBColor(180, 30, 30)),
];

/// Draws the latencies of each second, in milliseconds, on a logarithmic scale.
pub fn draw(seconds: &[Histogram<u64>], file: &Path) -> Result<(), Failure> {
    let milliseconds = |histogram: &Histogram<u64>, quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
    let highest = seconds.iter().map(|second| milliseconds(second, 0.999)).fold(0.1, f64::max);
    let area = SVGBackend::new(file, (960, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Latency by second, from when each request was due", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(0..seconds.len().max(1), (0.01..highest * 1.5).log_scale())?;
    chart.configure_mesh().x_desc("seconds").y_desc("ms").draw()?;
    for (name, quantile, colour) in CURVES {
        let points = seconds.iter().enumerate().map(|(at, second)| (at, milliseconds(second, quantile).max(0.01)));
        let line = chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        line.label(name).legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
    area.present()?;
    Ok(())
}
