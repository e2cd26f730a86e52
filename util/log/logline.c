/* SPDX-License-Identifier: BSD-2-Clause */
/* logline: composes lines, and knows the rows of events.def. */
#include "util/log/logline.h"

#include <string.h>

#include "util/base/array.h"
#include "util/text/ascii.h"
#include "util/text/utf8.h"

/* Longest escape of one byte: "\xNN". */
#define ESCAPE_BYTES 4
/* What ends a value that was cut: dots and a quote. */
#define CUT_BYTES 4

static const struct {
	const char *name; /* in capitals, as in the table */
	enum log_level level;
	const char *keys;
	const char *doc;
} rows[] = {
#define EVENT(name, level, keys, doc) { #name, LOG_LEVEL_##level, keys, doc },
#include "util/log/events.def"
};

static const char *const level_texts[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

const char *
log_level_text(enum log_level level)
{
	BUG_IF(level >= COUNT_OF(level_texts));
	return level_texts[level];
}

struct log_row
log_row(enum event_id ev)
{
	struct log_row row = { .name = "" };
	size_t len;

	BUG_IF(ev >= EVENT_N);
	len = strlen(rows[ev].name);
	BUG_IF(len >= sizeof(row.name));
	memcpy(row.name, rows[ev].name, len);
	str_lower(row.name, len);
	row.level = rows[ev].level;
	row.keys = rows[ev].keys;
	row.doc = rows[ev].doc;
	return row;
}

/* --- composing ------------------------------------------------------------ */

static void
put_cut(struct outbuf *out, struct str s)
{
	if (s.len > outbuf_room(out))
		s.len = outbuf_room(out);
	outbuf_put(out, s);
}

/* Length of the character that s begins with if it may be shown, else 0. The
 * controls of ISO 6429 hide behind 0xc2: terminals obey them as well. */
static size_t
shown_len(struct str s)
{
	unsigned char c = (unsigned char)s.ptr[0];
	size_t n;

	if (c < 0x80)
		return ascii_is_print(s.ptr[0]) ? 1 : 0;
	n = utf8_char_len(s);
	if (n == 2 && c == 0xc2 && (unsigned char)s.ptr[1] < 0xa0)
		return 0;
	return n;
}

static bool
is_plain(struct str s)
{
	size_t n;

	if (s.len == 0)
		return false;
	for (; s.len > 0; str_skip(&s, n)) {
		n = shown_len(s);
		if (n == 0 || memchr(" \"=\\", s.ptr[0], 4) != NULL)
			return false;
	}
	return true;
}

/* The character that *s begins with, advanced over, as it stands in quotes. */
static struct str
take_quoted(struct str *s, char escape[ESCAPE_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char c = (unsigned char)s->ptr[0];
	struct str shown = { s->ptr, shown_len(*s) };

	str_skip(s, shown.len > 0 ? shown.len : 1);
	if (shown.len == 0) {
		memcpy(escape, "\\x", 2);
		escape[2] = hex[c >> 4];
		escape[3] = hex[c & 15];
		return (struct str){ escape, 4 };
	}
	if (c != '"' && c != '\\')
		return shown;
	escape[0] = '\\';
	escape[1] = (char)c;
	return (struct str){ escape, 2 };
}

/* s in quotes in at most max bytes of out, which has them; max > CUT_BYTES. */
static void
put_quoted(struct outbuf *out, struct str s, size_t max)
{
	size_t end = out->len + max - CUT_BYTES;
	char escape[ESCAPE_BYTES];
	struct str c;

	outbuf_putc(out, '"');
	while (s.len > 0) {
		c = take_quoted(&s, escape);
		if (out->len + c.len > end) {
			outbuf_put(out, STR("..."));
			break;
		}
		outbuf_put(out, c);
	}
	outbuf_putc(out, '"');
}

/* False when out has no room left for it. */
static bool
put_value(struct outbuf *out, struct str s, size_t max)
{
	if (max > outbuf_room(out))
		max = outbuf_room(out);
	if (max <= CUT_BYTES)
		return false;
	if (s.len <= max && is_plain(s))
		outbuf_put(out, s);
	else
		put_quoted(out, s, max);
	return true;
}

static bool
put_number(struct outbuf *out, int64_t n)
{
	if (outbuf_room(out) < OUTBUF_U64_BYTES + 1)
		return false;
	if (n < 0)
		outbuf_putc(out, '-');
	outbuf_put_u64(out, n < 0 ? -(uint64_t)n : (uint64_t)n);
	return true;
}

static bool
put_errno(struct outbuf *out, int64_t n)
{
	const char *name = strerrorname_np((int)n);

	if (name == NULL)
		return put_number(out, n);
	return put_value(out, str_from_c(name), LOG_VALUE_MAX_BYTES);
}

static bool
put_qid(struct outbuf *out, const struct qid *qid)
{
	char text[QID_TEXT_BYTES + 1];

	qid_format(qid, text);
	return put_value(out, str_from_c(text), LOG_VALUE_MAX_BYTES);
}

static bool
is_msg(const char *key)
{
	return strcmp(key, "msg") == 0;
}

static bool
put_any(struct outbuf *out, const struct log_kv *kv)
{
	switch (kv->kind) {
	case LOG_STR:
		return put_value(out, kv->str,
		    is_msg(kv->key) ? SIZE_MAX : LOG_VALUE_MAX_BYTES);
	case LOG_NUM:
		return put_number(out, kv->num);
	case LOG_HEX:
		return outbuf_printf(out, "%016llx",
		           (unsigned long long)kv->num) == ERR_OK;
	case LOG_QID:
		return put_qid(out, kv->qid);
	case LOG_ERRNO:
		return put_errno(out, kv->num);
	}
	return false;
}

void
log_compose(
    struct outbuf *out, enum event_id ev, const struct log_kv *kv, size_t n)
{
	struct log_row row = log_row(ev);
	size_t before;

	put_cut(out, STR("event="));
	put_cut(out, str_from_c(row.name));
	for (size_t i = 0; i < n; i++) {
		before = out->len;
		put_cut(out, STR(" "));
		put_cut(out, str_from_c(kv[i].key));
		put_cut(out, STR("="));
		if (put_any(out, &kv[i]))
			continue;
		out->len = before; /* no key without its value */
		break;
	}
}

/* --- checking ------------------------------------------------------------- */

/* Takes keys up to and with key out of *keys; false when it is not there. */
static bool
take_key(struct str *keys, struct str key)
{
	while (keys->len > 0)
		if (str_eq(str_take_field(keys, ' '), key))
			return true;
	return false;
}

bool
log_check(enum event_id ev, const struct log_kv *kv, size_t n)
{
	struct str keys;

	BUG_IF(ev >= EVENT_N);
	keys = str_from_c(rows[ev].keys);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 == n && is_msg(kv[i].key))
			return true;
		if (!take_key(&keys, str_from_c(kv[i].key)))
			return false;
	}
	return true;
}
