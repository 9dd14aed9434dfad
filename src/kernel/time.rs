//! Time stamps as XMPP writes them (XEP-0082) and the delay element (XEP-0203).

use crate::ports::WallMillis;
use wire::frame::XmlWriter;

/// `2026-11-24T13:02:13.123Z`. Years outside 0 to 9999 are clamped: the format has four digits.
pub fn stamp(time: WallMillis) -> String {
    let millis = time.0.clamp(-62_167_219_200_000, 253_402_300_799_999);
    let (days, rest) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The `<delay/>` element of XEP-0203 §2.
pub fn delay(time: WallMillis, from: &str, reason: Option<&str>) -> String {
    let mut out = XmlWriter::new();
    out.start("delay").attr("xmlns", "urn:xmpp:delay").attr("from", from).attr("stamp", &stamp(time));
    if let Some(reason) = reason {
        out.text(reason);
    }
    out.end();
    out.into_string()
}

/// Days since 1970-01-01 to a date of the proleptic Gregorian calendar. Years are counted from March here, so that
/// the leap day is the last of a year.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_525_333_123, "2026-11-24T13:02:13.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
            (i64::MIN, "0000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(stamp(WallMillis(millis)), text);
        }
    }
}
