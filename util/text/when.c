/* SPDX-License-Identifier: BSD-2-Clause */
/* when: texts of times and spans. */
#include "util/text/when.h"

#include <inttypes.h>
#include <time.h>

#include "util/base/array.h"

#define MS_PER_S 1000
/* Below this a span shows tenths of a second. */
#define TENTHS_MAX_MS (10 * MS_PER_S)

static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };
static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static const struct unit {
	char name;
	int64_t ms;
} units[] = {
	{ 'd', INT64_C(24) * 3600 * MS_PER_S },
	{ 'h', 3600 * MS_PER_S },
	{ 'm', 60 * MS_PER_S },
	{ 's', MS_PER_S },
};

static enum err
split_time(int64_t wall_ms, struct tm *tm)
{
	time_t s = (time_t)(wall_ms / MS_PER_S);

	if (wall_ms < 0 || wall_ms > WHEN_WALL_MAX_MS)
		return ERR_RANGE;
	return gmtime_r(&s, tm) == NULL ? ERR_RANGE : ERR_OK;
}

enum err
when_rfc5322(struct outbuf *b, int64_t wall_ms)
{
	struct tm tm;
	enum err err = split_time(wall_ms, &tm);

	if (err != ERR_OK)
		return err;
	return outbuf_printf(b, "%s, %02d %s %04d %02d:%02d:%02d +0000",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
}

enum err
when_iso8601(struct outbuf *b, int64_t wall_ms)
{
	struct tm tm;
	enum err err = split_time(wall_ms, &tm);

	if (err != ERR_OK)
		return err;
	return outbuf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, (int)(wall_ms % MS_PER_S));
}

/* Index of the largest unit that span_ms has one of; of seconds if of none. */
static size_t
largest_unit(int64_t span_ms)
{
	size_t i = 0;

	while (i + 1 < COUNT_OF(units) && span_ms < units[i].ms)
		i++;
	return i;
}

enum err
when_span(struct outbuf *b, int64_t span_ms)
{
	size_t i = largest_unit(span_ms);
	int64_t tenths = span_ms / (MS_PER_S / 10);
	int64_t count, rest;

	if (tenths <= 0)
		return outbuf_add(b, STR("0s"));
	if (span_ms < TENTHS_MAX_MS && tenths % 10 != 0)
		return outbuf_printf(
		    b, "%" PRId64 ".%" PRId64 "s", tenths / 10, tenths % 10);
	count = span_ms / units[i].ms;
	rest = span_ms % units[i].ms;
	if (i + 1 == COUNT_OF(units) || rest < units[i + 1].ms)
		return outbuf_printf(b, "%" PRId64 "%c", count, units[i].name);
	return outbuf_printf(b, "%" PRId64 "%c%" PRId64 "%c", count,
	    units[i].name, rest / units[i + 1].ms, units[i + 1].name);
}

enum err
when_ago(struct outbuf *b, int64_t span_ms)
{
	size_t i = largest_unit(span_ms);

	if (span_ms < MS_PER_S)
		return outbuf_add(b, STR("just now"));
	return outbuf_printf(
	    b, "%" PRId64 "%c ago", span_ms / units[i].ms, units[i].name);
}

enum err
when_in(struct outbuf *b, int64_t span_ms)
{
	size_t len = b->len;
	enum err err;

	if (span_ms <= 0)
		return outbuf_add(b, STR("now"));
	err = outbuf_add(b, STR("in "));
	if (err == ERR_OK)
		err = when_span(b, span_ms);
	if (err != ERR_OK)
		b->len = len;
	return err;
}
