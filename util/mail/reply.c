/* SPDX-License-Identifier: BSD-2-Clause */
/* reply: the reader of SMTP replies. */
#include "util/mail/reply.h"

#include "util/base/array.h"
#include "util/text/ascii.h"

#define CODE_DIGITS 3
#define CODE_MIN 200
#define CODE_MAX 599

/* Takes a line off rest; *line is without its end. */
static bool
take_line(struct str *rest, struct str *line)
{
	const char *lf = NULL;

	if (rest->len > 0)
		lf = memchr(rest->ptr, '\n', rest->len);
	if (lf == NULL)
		return false;
	*line = (struct str){ rest->ptr, (size_t)(lf - rest->ptr) };
	str_skip(rest, line->len + 1);
	if (line->len > 0 && line->ptr[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* The code that a line begins with; 0: none that is good. */
static uint16_t
line_code(struct str line)
{
	unsigned code = 0;

	if (line.len < CODE_DIGITS)
		return 0;
	for (size_t i = 0; i < CODE_DIGITS; i++) {
		if (!ascii_is_digit(line.ptr[i]))
			return 0;
		code = code * 10 + (unsigned)(line.ptr[i] - '0');
	}
	if (line.len > CODE_DIGITS && line.ptr[CODE_DIGITS] != ' ' &&
	    line.ptr[CODE_DIGITS] != '-')
		return 0;
	return code >= CODE_MIN && code <= CODE_MAX ? (uint16_t)code : 0;
}

static bool
is_last(struct str line)
{
	return line.len == CODE_DIGITS || line.ptr[CODE_DIGITS] == ' ';
}

static struct str
line_text(struct str line)
{
	str_skip(&line, line.len > CODE_DIGITS ? CODE_DIGITS + 1 : line.len);
	return str_trim(line);
}

/* The enhanced code of a line, if it fits the reply code; text loses it. */
static struct status
take_enhanced(uint16_t code, struct str *text)
{
	struct str s = *text;
	struct status st;

	if (status_parse(&st, &s) != ERR_OK || st.klass != code / 100)
		return (struct status){ 0 };
	*text = s;
	return st;
}

/* The whole is parsed again when more has come: replies are short, nearly all
 * come in one piece, and no state is left between calls. */
enum err
reply_parse(struct reply *reply, struct str *in)
{
	struct str rest = *in, line, text;
	struct reply r = { 0 };
	uint16_t code;

	if (rest.len > REPLY_MAX_BYTES)
		rest.len = REPLY_MAX_BYTES;
	do {
		if (!take_line(&rest, &line))
			return in->len < REPLY_MAX_BYTES ? ERR_AGAIN : ERR_FULL;
		code = line_code(line);
		if (code == 0 || (r.code != 0 && code != r.code))
			return ERR_SYNTAX;
		if (r.code == 0) {
			text = line_text(line);
			r.enhanced = take_enhanced(code, &text);
		}
		r.code = code;
	} while (!is_last(line));
	r.raw = (struct str){ in->ptr, (size_t)(rest.ptr - in->ptr) };
	str_skip(in, r.raw.len);
	*reply = r;
	return ERR_OK;
}

bool
reply_next_text(struct str *rest, struct str *text)
{
	struct str line;

	if (!take_line(rest, &line))
		return false;
	*text = line_text(line);
	return true;
}

/* Appends what fits. */
static enum err
put_some(struct outbuf *out, struct str s)
{
	enum err err = ERR_OK;

	if (s.len > outbuf_room(out)) {
		s.len = outbuf_room(out);
		err = ERR_FULL;
	}
	outbuf_put(out, s);
	return err;
}

static bool
is_same(struct status a, struct status b)
{
	return a.klass == b.klass && a.subject == b.subject &&
	    a.detail == b.detail;
}

/* Appends each text that is not empty, a blank before all but the first;
 * needs_blank: also before that. */
static enum err
put_texts(const struct reply *reply, bool needs_blank, struct outbuf *out)
{
	struct str rest = reply->raw, text;

	while (reply_next_text(&rest, &text)) {
		struct str bare = text;
		struct status st = take_enhanced(reply->code, &bare);

		if (is_same(st, reply->enhanced))
			text = str_trim(bare);
		if (text.len == 0)
			continue;
		if (needs_blank && put_some(out, STR(" ")) != ERR_OK)
			return ERR_FULL;
		if (put_some(out, text) != ERR_OK)
			return ERR_FULL;
		needs_blank = true;
	}
	return ERR_OK;
}

enum err
reply_put_text(const struct reply *reply, struct outbuf *out)
{
	return put_texts(reply, false, out);
}

enum err
reply_put_line(const struct reply *reply, struct outbuf *out)
{
	char bytes[CODE_DIGITS + 1 + STATUS_TEXT_MAX_BYTES + 1];
	struct outbuf head = { bytes, 0, sizeof(bytes) };
	enum err err;

	err = outbuf_printf(&head, "%u", (unsigned)reply->code);
	if (err == ERR_OK && reply->enhanced.klass != 0)
		err = outbuf_printf(&head, " ");
	if (err == ERR_OK)
		err = status_put(&reply->enhanced, &head);
	/* Three digits, a blank and a code always fit. */
	BUG_IF(err != ERR_OK);
	err = put_some(out, (struct str){ bytes, head.len });
	return err == ERR_OK ? put_texts(reply, true, out) : err;
}

const char *
reply_code_text(unsigned code)
{
	static const struct {
		unsigned code;
		const char *text;
	} rows[] = {
		{ 421, "it closes the connection" },
		{ 450, "the mailbox is not available now" },
		{ 451, "an error of its own" },
		{ 452, "it is short of room" },
		{ 454, "a temporary failure" },
		{ 455, "it cannot take parameters now" },
		{ 530, "it wants a login" },
		{ 535, "it does not accept the login" },
		{ 541, "it rejects the message" },
		{ 550, "the mailbox is not available, or it does not want to" },
		{ 551, "the user is not local" },
		{ 552, "too much mail, or too large" },
		{ 553, "the address is not allowed" },
		{ 554, "it does not take the message" },
		{ 555, "it does not know a parameter" },
		{ 556, "the domain takes no mail" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].code == code)
			return rows[i].text;
	if (code >= 500)
		return "a failure for good";
	return code >= 400 ? "a failure for now" : "an unexpected reply";
}
