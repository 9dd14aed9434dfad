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

/// A point in time as somebody else wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// It, or the last whole millisecond before it.
    pub floor: WallMillis,
    /// Whether it is a whole millisecond.
    pub exact: bool,
}

/// Reads the DateTime profile of XEP-0082 §3.2, `CCYY-MM-DDThh:mm:ss[.sss]TZD`, with any number of fractional digits
/// and any offset from UTC up to 14 hours (XML Schema). `None` if it is anything else.
pub fn parse(text: &str) -> Option<Moment> {
    let (date, rest) = text.split_at_checked(10)?;
    let (clock, rest) = rest.strip_prefix('T')?.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
        None => ("0", rest),
    };
    let offset = offset(zone)?;
    let sound = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour <= 23
        && minute.max(second) <= 59
        && !fraction.is_empty();
    if !sound {
        return None;
    }
    let millis =
        fraction.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let exact = fraction.bytes().skip(3).all(|digit| digit == b'0');
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Some(Moment { floor: WallMillis(seconds * 1000 + millis), exact })
}

/// Numbers of so many digits each, with that between them.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut next = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let [first, second, third] = digits;
    let all = [next(first)?, next(second)?, next(third)?];
    parts.next().is_none().then_some(all)
}

/// `Z`, or `+hh:mm`, in seconds ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = match zone.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    // With seconds that nobody writes, it has the form of a time of the day.
    let [hours, minutes, _] = numbers(&format!("{}:00", zone.get(1..)?), ':', [2, 2, 2])?;
    (minutes <= 59 && hours * 60 + minutes <= 14 * 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The reverse of [`civil`].
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let shifted_year = year - i64::from(month <= 2);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let leap_days = shifted_year.div_euclid(4) - shifted_year.div_euclid(100) + shifted_year.div_euclid(400);
    shifted_year * 365 + leap_days + day_of_year - 719_468
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

    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, millis: i64, exact: bool) {
        assert_eq!(parse(text), Some(Moment { floor: WallMillis(millis), exact }), "{text}");
    }

    #[test]
    fn moments() {
        // XEP-0082 §3.2
        check("1969-07-21T02:56:15Z", -14_159_025_000, true);
        check("1969-07-20T21:56:15-05:00", -14_159_025_000, true);
        check("1970-01-01T05:30:00+05:30", 0, true);
        check("2000-02-29T00:00:00.5Z", 951_782_400_500, true);
        check("1970-01-01T00:00:00.1234Z", 123, false);
        check("1970-01-01T00:00:00.123000Z", 123, true);
        check("1969-12-31T23:59:59.9999Z", -1, false);
        check("0000-01-01T00:00:00Z", -62_167_219_200_000, true);
        check("9999-12-31T23:59:59.999-14:00", 253_402_300_799_999 + 14 * 3_600_000, true);
        for text in [
            "",
            "2000-02-29",
            "2000-02-29T00:00:00",
            "2001-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2000-00-01T00:00:00Z",
            "2000-13-01T00:00:00Z",
            "2000-01-00T00:00:00Z",
            "2000-04-31T00:00:00Z",
            "2000-01-01T24:00:00Z",
            "2000-01-01T00:60:00Z",
            "2000-01-01T00:00:60Z",
            "2000-01-01T00:00:00.Z",
            "2000-01-01T00:00:00,5Z",
            "2000-01-01T00:00:00z",
            "2000-01-01t00:00:00Z",
            "2000-01-01 00:00:00Z",
            "2000-01-01T00:00:00ZZ",
            "2000-01-01T00:00:00+0100",
            "2000-01-01T00:00:00+14:01",
            "2000-01-01T00:00:00+01:60",
            "2000-01-01T00:00:00+01:00:00",
            "10000-01-01T00:00:00Z",
            "-001-01-01T00:00:00Z",
            "+200-01-01T00:00:00Z",
            "20000101T00:00:00",
            "2000-01-01T00:00:0\u{e9}Z",
            "\u{661}000-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read(millis in -62_167_219_200_000i64..=253_402_300_799_999) {
            let read = parse(&stamp(WallMillis(millis)));
            prop_assert_eq!(read, Some(Moment { floor: WallMillis(millis), exact: true }));
        }

        #[test]
        fn an_offset_is_taken_off(millis in 0i64..=4_102_444_800_000, minutes in -840i64..=840) {
            let local = stamp(WallMillis(millis + minutes * 60_000));
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
            let text = format!("{}{sign}{hours:02}:{rest:02}", local.trim_end_matches('Z'));
            prop_assert_eq!(parse(&text), Some(Moment { floor: WallMillis(millis), exact: true }));
        }

        #[test]
        fn nothing_breaks_it(text in "\\PC*|[0-9TZ:.+é-]{10,30}") {
            let _ = parse(&text);
        }
    }

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
