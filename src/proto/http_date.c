/*
 * This file writes and reads the dates of HTTP. It knows no clock, time zone or
 * locale: days are counted in the Gregorian calendar, seconds as POSIX does. RFC
 * 9110 5.6.7.
 */
#include "config.h"

#include "proto/http_date.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"

/* EPOCH_DAY is 1 January 1970, counted from the first day of the year 1, which
 * was a Monday. */
enum { DAY_SECONDS = 86400, EPOCH_DAY = 719162 };

static const char *const short_days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
	"Fri", "Sat" };
static const char *const long_days[] = { "Sunday", "Monday", "Tuesday",
	"Wednesday", "Thursday", "Friday", "Saturday" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

struct date {
	int year, month, day, hour, minute, second; /* month and day from 1 */
};

/* What is still to be read. */
struct rest {
	const char *text;
	size_t len;
};

static bool
is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int
month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days from the first day of the year 1 to that of another one. */
static int64_t
days_before_year(int year)
{
	int64_t past = year - 1;

	return past * 365 + past / 4 - past / 100 + past / 400;
}

static int64_t
to_seconds(const struct date *date)
{
	int64_t days = days_before_year(date->year) - EPOCH_DAY;
	int month;

	for (month = 1; month < date->month; month++)
		days += month_days(date->year, month);
	days += date->day - 1;
	return days * DAY_SECONDS + date->hour * 3600 + date->minute * 60 +
	    date->second;
}

/* days is counted from the first day of the year 1. */
static void
set_day(struct date *date, int64_t days)
{
	/* too late by one at most, as the mean year is a little longer */
	date->year = (int)(days / 365.2425) + 2;
	while (days_before_year(date->year) > days)
		date->year--;
	days -= days_before_year(date->year);
	date->month = 1;
	while (days >= month_days(date->year, date->month)) {
		days -= month_days(date->year, date->month);
		date->month++;
	}
	date->day = (int)days + 1;
}

static void
put_number(char *out, size_t digits, int number)
{
	while (digits-- > 0) {
		out[digits] = (char)('0' + number % 10);
		number /= 10;
	}
}

int
sh_http_date_format(int64_t seconds, char buf[SH_HTTP_DATE_SIZE])
{
	static const struct date first = { 1, 1, 1, 0, 0, 0 };
	static const struct date last = { 9999, 12, 31, 23, 59, 59 };
	struct date date;
	int64_t days;
	int second;

	if (seconds < to_seconds(&first) || seconds > to_seconds(&last))
		return -ERANGE;
	/* positive, so that division rounds down */
	seconds += (int64_t)EPOCH_DAY * DAY_SECONDS;
	days = seconds / DAY_SECONDS;
	second = (int)(seconds % DAY_SECONDS);
	set_day(&date, days);
	memcpy(buf, "Sun, 06 Nov 1994 08:49:37 GMT", SH_HTTP_DATE_SIZE);
	memcpy(buf, short_days[(days + 1) % 7], 3);
	put_number(buf + 5, 2, date.day);
	memcpy(buf + 8, months[date.month - 1], 3);
	put_number(buf + 12, 4, date.year);
	put_number(buf + 17, 2, second / 3600);
	put_number(buf + 20, 2, second / 60 % 60);
	put_number(buf + 23, 2, second % 60);
	return 0;
}

static bool
take(struct rest *rest, const char *word)
{
	size_t n = strlen(word);

	if (rest->len < n || memcmp(rest->text, word, n) != 0)
		return false;
	rest->text += n;
	rest->len -= n;
	return true;
}

/* Position of the word that was taken, -1 when none of them is there. */
static int
take_one_of(struct rest *rest, const char *const *words, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (take(rest, words[i]))
			return i;
	return -1;
}

static bool
take_number(struct rest *rest, size_t digits, int *number_out)
{
	int number = 0;
	size_t i;

	if (rest->len < digits)
		return false;
	for (i = 0; i < digits; i++) {
		char c = rest->text[i];

		if (c < '0' || c > '9')
			return false;
		number = number * 10 + (c - '0');
	}
	rest->text += digits;
	rest->len -= digits;
	*number_out = number;
	return true;
}

static bool
take_month(struct rest *rest, struct date *date)
{
	date->month = take_one_of(rest, months, SH_ARRAY_LEN(months)) + 1;
	return date->month != 0;
}

static bool
take_time(struct rest *rest, struct date *date)
{
	return take_number(rest, 2, &date->hour) && take(rest, ":") &&
	    take_number(rest, 2, &date->minute) && take(rest, ":") &&
	    take_number(rest, 2, &date->second);
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool
take_fixdate(struct rest *rest, struct date *date)
{
	return take_number(rest, 2, &date->day) && take(rest, " ") &&
	    take_month(rest, date) && take(rest, " ") &&
	    take_number(rest, 4, &date->year) && take(rest, " ") &&
	    take_time(rest, date) && take(rest, " GMT");
}

/* "Nov  6 08:49:37 1994" */
static bool
take_asctime(struct rest *rest, struct date *date)
{
	return take_month(rest, date) && take(rest, " ") &&
	    take_number(rest, take(rest, " ") ? 1 : 2, &date->day) &&
	    take(rest, " ") && take_time(rest, date) && take(rest, " ") &&
	    take_number(rest, 4, &date->year);
}

/* "06-Nov-94 08:49:37 GMT" */
static bool
take_rfc850(struct rest *rest, struct date *date)
{
	return take_number(rest, 2, &date->day) && take(rest, "-") &&
	    take_month(rest, date) && take(rest, "-") &&
	    take_number(rest, 2, &date->year) && take(rest, " ") &&
	    take_time(rest, date) && take(rest, " GMT");
}

/* A second 60 is a leap second. */
static bool
is_valid(const struct date *date)
{
	return date->year > 0 && date->day > 0 &&
	    date->day <= month_days(date->year, date->month) &&
	    date->hour < 24 && date->minute < 60 && date->second <= 60;
}

/* A year of two digits that would be more than 50 years from now is one of the
 * century before. */
static bool
set_century(struct date *date, int64_t now)
{
	char text[SH_HTTP_DATE_SIZE];
	struct rest rest = { text + sizeof("Sun, 06 Nov ") - 1, 4 };
	int year;

	if (sh_http_date_format(now, text) < 0 || !take_number(&rest, 4, &year))
		return false;
	date->year += year - year % 100 + 100;
	while (date->year > year + 50)
		date->year -= 100;
	return true;
}

int
sh_http_date_parse(
    const char *text, size_t len, int64_t now, int64_t *seconds_out)
{
	struct rest rest = { text, len };
	struct date date = { 0 };
	bool ok = false;

	/* the long names first: the short ones are their beginnings */
	if (take_one_of(&rest, long_days, SH_ARRAY_LEN(long_days)) >= 0)
		ok = take(&rest, ", ") && take_rfc850(&rest, &date) &&
		    set_century(&date, now);
	else if (take_one_of(&rest, short_days, SH_ARRAY_LEN(short_days)) >= 0)
		ok = take(&rest, ", ")
		    ? take_fixdate(&rest, &date)
		    : take(&rest, " ") && take_asctime(&rest, &date);
	if (!ok || rest.len != 0 || !is_valid(&date))
		return -SHOAL_EINVAL;
	*seconds_out = to_seconds(&date);
	return 0;
}
