//! The civil calendar, in both directions: certificates write years, months and days, clocks count seconds since 1970,
//! and messages show dates again. Howard Hinnant's days_from_civil and civil_from_days: years begin in March, so that
//! the leap day is the last.

use std::fmt;

/// Days from 0000-03-01 to 1970-01-01.
const BEFORE_1970: i64 = 719_468;
/// Days in 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

/// Seconds since 1970, shown as a date and a time in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date(pub(crate) i64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(86_400));
        let seconds = self.0.rem_euclid(86_400);
        write!(f, "{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", seconds / 3600, seconds / 60 % 60)
    }
}

/// Days from 1970-01-01 to this date.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - BEFORE_1970
}

/// Year, month and day, so many days after 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + BEFORE_1970;
    let (era, day_of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil() {
        let rows = [
            (-86_400, "1969-12-31 00:00 UTC"),
            (-1, "1969-12-31 23:59 UTC"),
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_795_305_599, "2026-11-21 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59 UTC"),
        ];
        for (given, wanted) in rows {
            assert_eq!(Date(given).to_string(), wanted, "{given}");
        }
    }

    #[test]
    fn every_day_of_400_years_is_counted_and_shown_as_itself() {
        const LENGTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut number = days(1900, 1, 1);
        assert_eq!(number, -25_567);
        for year in 1900..2300 {
            let leaps = i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
            for month in 1..=12 {
                let length = LENGTHS[usize::try_from(month - 1).expect("a month")];
                for day in 1..=length + if month == 2 { leaps } else { 0 } {
                    assert_eq!((days(year, month, day), civil(number)), (number, (year, month, day)));
                    number += 1;
                }
            }
        }
        assert_eq!(number, days(2300, 1, 1));
    }
}
