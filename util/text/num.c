/* SPDX-License-Identifier: BSD-2-Clause */
/* num: strict readers of numbers, with and without units. */
#include "util/text/num.h"

#include "util/base/array.h"
#include "util/text/ascii.h"

struct unit {
	struct str name;
	uint64_t factor;
};

static const struct unit durations[] = {
	{ STR_INIT("ms"), 1 },
	{ STR_INIT("s"), 1000 },
	{ STR_INIT("m"), 60 * 1000 },
	{ STR_INIT("h"), 3600 * 1000 },
	{ STR_INIT("d"), 24 * 3600 * 1000 },
};

static const struct unit sizes[] = {
	{ STR_INIT(""), 1 },
	{ STR_INIT("K"), UINT64_C(1) << 10 },
	{ STR_INIT("M"), UINT64_C(1) << 20 },
	{ STR_INIT("G"), UINT64_C(1) << 30 },
	{ STR_INIT("T"), UINT64_C(1) << 40 },
};

/* Value of a digit; 16 for what is none. */
static unsigned
digit_value(char c)
{
	if (ascii_is_digit(c))
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return 16;
}

/* A malformed text is ERR_SYNTAX even where its value is too large: the range
 * is looked at last. */
static enum err
read_digits(struct str s, unsigned base, uint64_t max, uint64_t *out)
{
	bool over = false;
	uint64_t n = 0;
	unsigned digit;

	if (s.len == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.len; i++) {
		digit = digit_value(s.ptr[i]);
		if (digit >= base)
			return ERR_SYNTAX;
		over = over || n > (max - digit) / base || digit > max;
		if (!over)
			n = n * base + digit;
	}
	if (over)
		return ERR_RANGE;
	*out = n;
	return ERR_OK;
}

enum err
num_u64(struct str s, uint64_t max, uint64_t *out)
{
	return read_digits(s, 10, max, out);
}

enum err
num_hex_u64(struct str s, uint64_t max, uint64_t *out)
{
	return read_digits(s, 16, max, out);
}

/* The factor of the unit called name; 0 when there is none. */
static uint64_t
factor_of(struct str name, const struct unit *units, size_t n_units)
{
	for (size_t i = 0; i < n_units; i++)
		if (str_eq(name, units[i].name))
			return units[i].factor;
	return 0;
}

static size_t
count_digits(struct str s)
{
	size_t n = 0;

	while (n < s.len && ascii_is_digit(s.ptr[n]))
		n++;
	return n;
}

enum err
num_duration_ms(struct str s, int64_t *out)
{
	size_t n = count_digits(s);
	uint64_t factor =
	    factor_of(str_tail(s, n), durations, COUNT_OF(durations));
	uint64_t count;
	enum err err;

	if (factor == 0)
		return ERR_SYNTAX;
	err = num_u64(str_head(s, n), NUM_DURATION_MAX_MS / factor, &count);
	if (err != ERR_OK)
		return err;
	*out = (int64_t)(count * factor);
	return ERR_OK;
}

enum err
num_size_bytes(struct str s, uint64_t *out)
{
	size_t n = count_digits(s);
	uint64_t factor = factor_of(str_tail(s, n), sizes, COUNT_OF(sizes));
	uint64_t count;
	enum err err;

	if (factor == 0)
		return ERR_SYNTAX;
	err = num_u64(str_head(s, n), NUM_SIZE_MAX_BYTES / factor, &count);
	if (err != ERR_OK)
		return err;
	*out = count * factor;
	return ERR_OK;
}

/* The part of a rate behind the slash. */
static enum err
read_period_ms(struct str s, int64_t *out)
{
	uint64_t factor = factor_of(s, durations, COUNT_OF(durations));

	if (factor == 0)
		return num_duration_ms(s, out);
	*out = (int64_t)factor;
	return ERR_OK;
}

enum err
num_rate(struct str s, struct rate *out)
{
	size_t slash = str_find(s, '/');
	enum err count_err, period_err;
	int64_t period_ms = 0;
	uint64_t count;

	if (slash == s.len)
		return ERR_SYNTAX;
	count_err = num_u64(str_head(s, slash), UINT32_MAX, &count);
	period_err = read_period_ms(str_tail(s, slash + 1), &period_ms);
	if (count_err == ERR_SYNTAX || period_err == ERR_SYNTAX)
		return ERR_SYNTAX;
	if (count_err != ERR_OK || period_err != ERR_OK || period_ms == 0)
		return ERR_RANGE;
	*out = (struct rate){ (uint32_t)count, period_ms };
	return ERR_OK;
}
