//! Scalars with a meaning: durations, sizes, shares, hours, days, dates, time zones, URLs, addresses, names.
//!
//! In: a scalar's text. Out: the value, or what to write instead. Pure.

mod net;
mod rate;
mod servers;
mod time;
mod written;

pub use net::{
    Address, CookieName, HeaderName, Host, Language, MethodName, Network, Origin, Path, RedirectStatus, Secret,
};
pub use rate::{ByteRate, Rate};
pub use servers::{RetryCause, ServerKey, StatusSpan};
pub use time::{Date, Day, Duration, HourSpan, Zone};
pub use written::Written;

use super::{Read, Reader};
use crate::config::yaml::{Node, Style, Value};
use written::number_and_unit;

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// A part of a whole, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(pub f64);

/// A whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integer(pub i64);

impl Written for Size {
    const WHAT: &'static str = "a size such as `64KB` or `256MiB`";
    const PATTERN: Option<&'static str> = Some(r"^\d+(\.\d+)? ?([KMGT]i?)?B$");

    fn from_text(text: &str) -> Result<Self, String> {
        let (number, unit) = number_and_unit(text);
        let factor: u64 = match unit {
            "B" => 1,
            "KB" | "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            "" if !number.is_empty() => return Err(format!("add a unit: `{number}MiB`")),
            _ => return Err("units are B, KB, MB, GB, KiB, MiB, GiB".to_owned()),
        };
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(factor).map(Self).ok_or_else(|| "it is too large".to_owned());
        }
        let number: f64 = number.parse().map_err(|_| String::new())?;
        Ok(Self((number * factor as f64) as u64))
    }
}

impl Written for Share {
    const WHAT: &'static str = "a share such as `20%`";
    const PATTERN: Option<&'static str> = Some(r"^\d+(\.\d+)? ?%$");

    fn from_text(text: &str) -> Result<Self, String> {
        let (number, unit) = number_and_unit(text);
        let value: f64 = number.parse().map_err(|_| String::new())?;
        match unit {
            "%" if value <= 100.0 => Ok(Self(value / 100.0)),
            "%" => Err("it is more than all: `100%` at most".to_owned()),
            "" if value <= 1.0 => Err(format!("write `{}%`", value * 100.0)),
            _ => Err(format!("write `{number}%`")),
        }
    }
}

impl Written for Integer {
    const WHAT: &'static str = "a whole number such as `10`";
    const PATTERN: Option<&'static str> = Some(r"^-?(0|[1-9]\d*)$");

    fn from_text(text: &str) -> Result<Self, String> {
        let digits = text.trim_start_matches(['-', '+']);
        if digits.len() > 1 && digits.starts_with('0') {
            let value = digits.trim_start_matches('0');
            return Err(format!(
                "a leading zero could mean octal; write `{}`",
                if value.is_empty() { "0" } else { value }
            ));
        }
        text.parse().map(Self).map_err(|_| String::new())
    }
}

/// Reads a scalar; `1h` in quotes is the same as without.
pub fn scalar<T: Written>(node: &Node, reader: &mut Reader<'_>) -> Option<T> {
    let text = reader.text(node, T::WHAT)?;
    match T::from_text(text.value.trim()) {
        Ok(value) => Some(value),
        Err(remedy) => {
            let remedy = if remedy.is_empty() { format!("expected {}", T::WHAT) } else { remedy };
            let shown = if text.value.chars().count() > 60 { "this".to_owned() } else { format!("`{}`", text.value) };
            reader.report.error(text.span, format!("{shown} is not {}", article(T::WHAT)), remedy);
            None
        }
    }
}

/// "a duration" of "a duration such as `30m`".
fn article(what: &str) -> &str {
    what.split(" such as ").next().unwrap_or(what)
}

impl Read for bool {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.text(node, "`true` or `false`")?;
        let plain = matches!(&node.value, Value::Scalar(scalar) if scalar.style == Style::Plain);
        let remedy = match text.value.to_lowercase().as_str() {
            "true" if plain => return Some(true),
            "false" if plain => return Some(false),
            "true" | "false" => "remove the quotes",
            "yes" | "on" | "y" => "YAML 1.2 knows no such word for it; write `true`",
            "no" | "off" | "n" => "YAML 1.2 knows no such word for it; write `false`",
            _ => "write `true` or `false`",
        };
        reader.report.error(text.span, format!("`{}` is neither true nor false", text.value), remedy);
        None
    }
}

/// Makes types that are [`Written`] readable and gives them a schema.
macro_rules! written {
    ($($type:ident $json:tt),+ $(,)?) => {$(
        impl Read for $type {
            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                scalar(node, reader)
            }
        }

        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut schema = schemars::json_schema!({ "type": $json, "title": <$type as Written>::WHAT });
                if let Some(pattern) = <$type as Written>::PATTERN {
                    schema.insert("pattern".to_owned(), format!(r"({pattern})|\$\{{").into());
                }
                schema
            }
        }
    )+};
}

written! {
    Size "string", Share "string", Integer ["integer", "string"], Duration "string", HourSpan "string", Day "string",
    Date "string", Zone "string", Origin "string", Address "string", Network "string", Language "string", Host "string",
    Path "string", MethodName "string", RedirectStatus ["integer", "string"], CookieName "string", HeaderName "string", Secret "string",
    ByteRate "string", Rate "string",
    ServerKey "string", StatusSpan ["integer", "string"], RetryCause ["integer", "string"],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [("256MiB", 268_435_456), ("64KB", 64_000), ("1.5 GiB", 1_610_612_736), ("12B", 12)] {
            assert_eq!(Size::from_text(text), Ok(Size(bytes)), "{text}");
        }
        for (text, remedy) in
            [("256", "256MiB"), ("1MB2", "units are"), ("x", "units are"), ("99999999999TiB", "too large")]
        {
            assert!(Size::from_text(text).is_err_and(|error| error.contains(remedy)), "{text}");
        }
    }

    #[test]
    fn shares() {
        for (text, share) in [("20%", 0.2), ("0.5%", 0.005), ("100%", 1.0), ("0 %", 0.0)] {
            assert_eq!(Share::from_text(text), Ok(Share(share)), "{text}");
        }
        for (text, remedy) in [("20", "`20%`"), ("0.2", "`20%`"), ("120%", "at most"), ("-1%", "")] {
            assert!(Share::from_text(text).is_err_and(|error| error.contains(remedy)), "{text}");
        }
    }

    #[test]
    fn integers_refuse_octal_looks() {
        assert_eq!(Integer::from_text("-10"), Ok(Integer(-10)));
        assert!(Integer::from_text("010").is_err_and(|error| error.contains("write `10`")));
        assert!(Integer::from_text("ten").is_err());
    }
}
