/* SPDX-License-Identifier: BSD-2-Clause */
/* dsn: the notice as a whole, and the part that is the original. */
#include "deliver/core/dsn.h"

#include <inttypes.h>

#include "deliver/core/dsn_int.h"
#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/mail/header.h"
#include "util/mail/xtext.h"

/* Lines that mail may have (RFC 5322 2.1.1). */
#define LINE_MAX_BYTES 998
/* Our own texts, all together; and those of a recipient. */
#define FRAME_BYTES 8192
#define RCPT_BYTES 512
/* Each byte of a foreign text takes so many at most, with folds. */
#define FOLD_GROWTH 2
/* Foreign texts of one recipient: its reply and the reason in both parts, and
 * host and address. */
#define RCPT_TEXTS 6
/* How often the name of the node is said, and its folds. */
#define NODES 5
#define BOUNDARY_BYTES 40
#define CHAR_MAX_ASCII 127

size_t
dsn_bytes(const struct dsn *n)
{
	size_t content = n->has_all ? n->content.len : 0;
	size_t headers = n->content.len;
	size_t bytes = FRAME_BYTES + NODES * n->node.len +
	    FOLD_GROWTH * n->sender.len + n->envid.len;

	if (headers > DSN_HEADERS_MAX_BYTES)
		headers = DSN_HEADERS_MAX_BYTES;
	headers *= FOLD_GROWTH;
	bytes += content > headers ? content : headers;
	for (uint32_t i = 0; i < n->n_rcpts; i++)
		bytes += RCPT_BYTES +
		    FOLD_GROWTH *
		        (RCPT_TEXTS * DSN_TEXT_MAX_BYTES +
		            2 * n->rcpts[i].address.len) +
		    XTEXT_UTF8_GROWTH * n->rcpts[i].orcpt.len;
	return bytes;
}

/* --- the original --------------------------------------------------------- */

/* What is known of it. */
struct original {
	struct str headers; /* of its content, whole lines */
	struct header scan; /* holds the value of Message-ID */
	bool is_clean;      /* fit to be sent as it is */
};

static bool
is_clean(struct str s)
{
	while (s.len > 0) {
		struct str line = str_take_field(&s, '\n');

		if (line.len > LINE_MAX_BYTES + 1 ||
		    !str_ends(line, STR("\r")) ||
		    str_find(line, '\r') + 1 < line.len ||
		    str_find(line, '\0') < line.len)
			return false;
	}
	return true;
}

/* Up to the end of the last line that is whole. */
static struct str
whole_lines(struct str s)
{
	while (s.len > 0 && s.ptr[s.len - 1] != '\n')
		s.len--;
	return s;
}

static enum err
scan(struct header *h, const struct header_conf *conf, const struct dsn *n,
    struct str beginning)
{
	enum err err;

	header_init(h, conf);
	err = header_scan(h, beginning);
	if (err == ERR_AGAIN && n->has_all && beginning.len == n->content.len)
		err = header_end(h);
	return err;
}

static void
look_at_original(struct original *o, const struct dsn *n)
{
	static const struct header_conf wanted = {
		.names = { STR_INIT("Message-ID") },
		.n_names = 1,
		.max_bytes = DSN_HEADERS_MAX_BYTES,
	};
	static const struct header_conf nothing = {
		.max_bytes = DSN_HEADERS_MAX_BYTES,
	};
	struct header again;
	struct str s = n->content;
	enum err err;

	if (s.len > DSN_HEADERS_MAX_BYTES)
		s.len = DSN_HEADERS_MAX_BYTES;
	err = scan(&o->scan, &wanted, n, s);
	if (err == ERR_OK)
		s.len = o->scan.end_at;
	/* More of them than are captured: where it ends is yet to be found. */
	if (err == ERR_FULL && scan(&again, &nothing, n, s) == ERR_OK)
		s.len = again.end_at;
	o->headers = whole_lines(s);
	o->is_clean = n->has_all && is_clean(n->content);
}

/* An identifier that can be named in a field: "<left@right>" in printable
 * ASCII (RFC 5322 3.6.4), or nothing. */
static struct str
message_id(const struct original *o)
{
	struct str id = header_get_value(&o->scan, 0);

	if (o->scan.values[0].is_truncated || !str_starts(id, STR("<")) ||
	    str_find(id, '>') + 1 != id.len || str_find(id, '@') == id.len)
		return STR("");
	for (size_t i = 0; i < id.len; i++)
		if (id.ptr[i] <= ' ' || id.ptr[i] >= CHAR_MAX_ASCII)
			return STR("");
	return id;
}

/* The header section in lines that mail may have: the rest of a longer one is
 * left out. */
static void
put_headers(struct dsn_out *o, struct str headers)
{
	while (headers.len > 0) {
		struct str line = str_take_field(&headers, '\n');

		if (str_ends(line, STR("\r")))
			line.len--;
		if (line.len > LINE_MAX_BYTES)
			line.len = LINE_MAX_BYTES;
		for (; line.len > 0; str_skip(&line, 1)) {
			char c = line.ptr[0];

			dsn_put(o,
			    c == '\r' || c == '\0' ? STR("?")
			                           : str_head(line, 1));
		}
		dsn_put(o, STR("\r\n"));
	}
}

/* --- the message ---------------------------------------------------------- */

/* One that is being written. */
struct letter {
	const struct dsn *n;
	struct dsn_facts facts;
	struct original original;
	uint32_t n_of[DSN_ACTION_N];
	char boundary[BOUNDARY_BYTES];
	struct dsn_out o;
};

static uint32_t
count_fates(struct letter *l)
{
	struct dsn_fate fate;
	uint32_t n_told = 0;

	for (uint32_t i = 0; i < l->n->n_rcpts; i++) {
		if (!dsn_facts_fate(&l->facts, l->n, &l->n->rcpts[i], &fate))
			continue;
		l->n_of[fate.action]++;
		n_told++;
	}
	return n_told;
}

static struct str
boundary(const struct letter *l)
{
	return str_from_c(l->boundary);
}

/* Nobody could know it beforehand; this is for a test that does. */
static bool
is_in_content(const struct letter *l)
{
	struct str s = l->n->content;
	struct str b = boundary(l);

	return s.len > 0 && memmem(s.ptr, s.len, b.ptr, b.len) != NULL;
}

static void
choose_boundary(struct letter *l)
{
	uint64_t low = l->n->random[1];

	do {
		struct outbuf out = { l->boundary, 0, sizeof(l->boundary) };

		BUG_IF(outbuf_printf(&out, "=_%016" PRIx64 "%016" PRIx64,
		           l->n->random[0], low++) != ERR_OK);
	} while (is_in_content(l));
}

static struct str
subject(const struct letter *l)
{
	if (l->n_of[DSN_FAILED] > 0)
		return STR("Undelivered mail returned to sender");
	if (l->n_of[DSN_DELAYED] > 0)
		return STR("Delayed mail: it is still being tried");
	return STR("Successful mail delivery report");
}

/* Where an encoding stands, and what was before what it is about. */
struct encoding {
	size_t at;
	size_t n_8bit;
};

/* Says 7bit, for what turns out to be 8bit. Both are as long. */
static struct encoding
begin_encoding(struct dsn_out *o)
{
	struct encoding e = { .n_8bit = o->n_8bit };

	dsn_put(o, STR("Content-Transfer-Encoding: "));
	e.at = o->out->len;
	dsn_put(o, STR("7bit\r\n"));
	return e;
}

static void
end_encoding(struct dsn_out *o, const struct encoding *e)
{
	if (o->n_8bit > e->n_8bit && !o->is_full)
		o->out->ptr[e->at] = '8';
}

static void
put_fields(struct letter *l)
{
	struct dsn_out *o = &l->o;
	struct str id = message_id(&l->original);

	dsn_put(o, STR("From: Mail relay <MAILER-DAEMON@"));
	dsn_put_foreign(o, l->n->node, STR(""));
	dsn_put(o, STR(">\r\nTo: <"));
	dsn_put_foreign(o, l->n->sender, STR(""));
	dsn_put(o, STR(">\r\nSubject: "));
	dsn_put(o, subject(l));
	dsn_put(o, STR("\r\nDate: "));
	dsn_put_date(o, l->n->now_ms);
	dsn_put(o, STR("\r\nMessage-ID: <notice."));
	dsn_put(o, str_tail(boundary(l), STR("=_").len));
	dsn_put(o, STR("@"));
	dsn_put_foreign(o, l->n->node, STR(""));
	dsn_put(o, STR(">\r\n"));
	if (id.len > 0) {
		dsn_put(o, STR("In-Reply-To: "));
		dsn_put(o, id);
		dsn_put(o, STR("\r\nReferences: "));
		dsn_put(o, id);
		dsn_put(o, STR("\r\n"));
	}
	dsn_put(o,
	    STR("Auto-Submitted: auto-replied\r\n"
	        "MIME-Version: 1.0\r\n"
	        "Content-Type: multipart/report;"
	        " report-type=delivery-status;\r\n\tboundary=\""));
	dsn_put(o, boundary(l));
	dsn_put(o, STR("\"\r\n"));
}

static void
begin_part(struct letter *l, struct str about)
{
	dsn_put(&l->o, STR("\r\n--"));
	dsn_put(&l->o, boundary(l));
	dsn_put(&l->o, STR("\r\nContent-Description: "));
	dsn_put(&l->o, about);
	dsn_put(&l->o, STR("\r\nContent-Type: "));
}

/* What hosts said may hold any characters, and people can read them: so this
 * part is UTF-8 whatever the rest is. */
static void
put_text_part(struct letter *l)
{
	bool is_utf8 = l->o.is_utf8;
	struct encoding e;

	begin_part(l, STR("Notification"));
	dsn_put(&l->o, STR("text/plain; charset=utf-8\r\n"));
	e = begin_encoding(&l->o);
	dsn_put(&l->o, STR("\r\n"));
	l->o.is_utf8 = true;
	dsn_put_text(&l->o, l->n, &l->facts);
	l->o.is_utf8 = is_utf8;
	end_encoding(&l->o, &e);
}

static void
put_status_part(struct letter *l)
{
	struct encoding e;

	begin_part(l, STR("Delivery report"));
	dsn_put(&l->o,
	    l->o.is_utf8 ? STR("message/global-delivery-status\r\n")
	                 : STR("message/delivery-status\r\n"));
	e = begin_encoding(&l->o);
	dsn_put(&l->o, STR("\r\n"));
	dsn_put_status(&l->o, l->n, &l->facts);
	end_encoding(&l->o, &e);
}

/* By whether it is whole, and whether it is UTF-8. */
static const struct str original_types[2][2] = {
	{ STR_INIT("text/rfc822-headers\r\n"),
	    STR_INIT("message/global-headers\r\n") },
	{ STR_INIT("message/rfc822\r\n"), STR_INIT("message/global\r\n") },
};

/* RET=FULL is about failures only (RFC 3461 4.3). */
static void
put_original_part(struct letter *l)
{
	bool is_whole =
	    l->n->wants_full && l->n_of[DSN_FAILED] > 0 && l->original.is_clean;
	struct encoding e;

	begin_part(l,
	    is_whole ? STR("Undelivered message")
	             : STR("Header fields of the message"));
	dsn_put(&l->o, original_types[is_whole][l->o.is_utf8]);
	e = begin_encoding(&l->o);
	dsn_put(&l->o, STR("\r\n"));
	if (is_whole)
		dsn_put(&l->o, l->n->content);
	else
		put_headers(&l->o, l->original.headers);
	end_encoding(&l->o, &e);
}

static void
put_letter(struct letter *l)
{
	struct encoding e;

	put_fields(l);
	e = begin_encoding(&l->o);
	put_text_part(l);
	put_status_part(l);
	put_original_part(l);
	dsn_put(&l->o, STR("\r\n--"));
	dsn_put(&l->o, boundary(l));
	dsn_put(&l->o, STR("--\r\n"));
	end_encoding(&l->o, &e);
}

static enum err
write_letter(struct letter *l, struct outbuf *out)
{
	size_t before = out->len;

	if (count_fates(l) == 0)
		return ERR_NOTFOUND;
	look_at_original(&l->original, l->n);
	choose_boundary(l);
	put_letter(l);
	if (!l->o.is_full)
		return ERR_OK;
	out->len = before;
	return ERR_FULL;
}

enum err
dsn_write(const struct dsn *n, struct outbuf *out, bool *is_8bit)
{
	struct letter l = {
		.n = n,
		.o = { .out = out, .is_utf8 = n->is_utf8 },
	};
	enum err err = dsn_facts_init(&l.facts, n->facts);

	if (err == ERR_OK)
		err = write_letter(&l, out);
	if (err == ERR_OK)
		*is_8bit = l.o.n_8bit > 0;
	dsn_facts_fini(&l.facts);
	return err;
}
