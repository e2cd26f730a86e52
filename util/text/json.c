/* SPDX-License-Identifier: BSD-2-Clause */
/* json: commas, escapes, and the order of calls. */
#include "util/text/json.h"

#include "util/text/utf8.h"

void
json_init(struct json *j, struct outbuf *out)
{
	*j = (struct json){ .out = out };
}

enum err
json_end(const struct json *j)
{
	BUG_IF(j->depth > 0 || !j->is_begun);
	return j->is_full ? ERR_FULL : ERR_OK;
}

static void
put(struct json *j, struct str s)
{
	if (!j->is_full && outbuf_add(j->out, s) != ERR_OK)
		j->is_full = true;
}

/* The innermost open object or array, as a bit of the masks. */
static uint32_t
top_bit(const struct json *j)
{
	return UINT32_C(1) << (j->depth - 1);
}

static bool
in_object(const struct json *j)
{
	return j->depth > 0 && (j->is_object & top_bit(j)) != 0;
}

/* Puts the comma that stands before any member but the first. */
static void
begin_member(struct json *j)
{
	if (j->depth == 0)
		return;
	if ((j->has_member & top_bit(j)) != 0)
		put(j, STR(","));
	j->has_member |= top_bit(j);
}

/* Before each value: a member of an array needs its comma here, one of an
 * object had it before its key. */
static void
begin_value(struct json *j)
{
	BUG_IF(in_object(j) != j->has_key);
	BUG_IF(j->depth == 0 && j->is_begun);
	j->is_begun = true;
	if (!j->has_key)
		begin_member(j);
	j->has_key = false;
}

static void
open_level(struct json *j, bool is_object)
{
	BUG_IF(j->depth == JSON_DEPTH_MAX);
	begin_value(j);
	put(j, is_object ? STR("{") : STR("["));
	j->depth++;
	j->has_member &= ~top_bit(j);
	j->is_object &= ~top_bit(j);
	if (is_object)
		j->is_object |= top_bit(j);
}

static void
close_level(struct json *j, bool is_object)
{
	BUG_IF(j->depth == 0 || in_object(j) != is_object || j->has_key);
	put(j, is_object ? STR("}") : STR("]"));
	j->depth--;
}

void
json_open_object(struct json *j)
{
	open_level(j, true);
}

void
json_close_object(struct json *j)
{
	close_level(j, true);
}

void
json_open_array(struct json *j)
{
	open_level(j, false);
}

void
json_close_array(struct json *j)
{
	close_level(j, false);
}

/* What stands for c in a string; empty when c stands for itself (RFC 8259 7).
 * room has 6 bytes. */
static struct str
escape(char c, char *room)
{
	static const char hex[] = "0123456789abcdef";

	switch (c) {
	case '"':
		return STR("\\\"");
	case '\\':
		return STR("\\\\");
	case '\n':
		return STR("\\n");
	case '\r':
		return STR("\\r");
	case '\t':
		return STR("\\t");
	default:
		break;
	}
	if ((unsigned char)c >= ' ')
		return (struct str){ NULL, 0 };
	memcpy(room, "\\u00", 4);
	room[4] = hex[c >> 4];
	room[5] = hex[c & 15];
	return (struct str){ room, 6 };
}

/* Length of what s begins with that may be copied as it is. */
static size_t
plain_len(struct str s)
{
	struct str rest = s;
	size_t n;

	while (rest.len > 0) {
		char c = rest.ptr[0];

		if ((unsigned char)c < ' ' || c == '"' || c == '\\')
			break;
		n = utf8_char_len(rest);
		if (n == 0)
			break;
		str_skip(&rest, n);
	}
	return s.len - rest.len;
}

static void
put_string(struct json *j, struct str s)
{
	char room[6];
	struct str escaped;
	size_t n;

	put(j, STR("\""));
	while (s.len > 0 && !j->is_full) {
		n = plain_len(s);
		put(j, str_head(s, n));
		str_skip(&s, n);
		if (s.len == 0)
			break;
		escaped = escape(s.ptr[0], room);
		put(j, escaped.len > 0 ? escaped : STR("\xef\xbf\xbd"));
		str_skip(&s, 1);
	}
	put(j, STR("\""));
}

void
json_key(struct json *j, struct str key)
{
	BUG_IF(!in_object(j) || j->has_key);
	begin_member(j);
	put_string(j, key);
	put(j, STR(":"));
	j->has_key = true;
}

void
json_str(struct json *j, struct str s)
{
	begin_value(j);
	put_string(j, s);
}

static void
put_number(struct json *j, uint64_t n)
{
	char digits[OUTBUF_U64_BYTES];
	struct outbuf b = { digits, 0, sizeof(digits) };

	outbuf_put_u64(&b, n);
	put(j, outbuf_str(&b));
}

void
json_u64(struct json *j, uint64_t n)
{
	begin_value(j);
	put_number(j, n);
}

void
json_i64(struct json *j, int64_t n)
{
	begin_value(j);
	if (n < 0)
		put(j, STR("-"));
	put_number(j, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void
json_bool(struct json *j, bool b)
{
	begin_value(j);
	put(j, b ? STR("true") : STR("false"));
}

void
json_null(struct json *j)
{
	begin_value(j);
	put(j, STR("null"));
}
