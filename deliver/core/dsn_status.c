/* SPDX-License-Identifier: BSD-2-Clause */
/* dsn_status: the fields of message/delivery-status (RFC 3464 2). */
#include "deliver/core/dsn_int.h"
#include "util/base/fatal.h"
#include "util/mail/xtext.h"
#include "util/text/ascii.h"
#include "util/text/utf8.h"

#define FOLD STR(" ")

static void
end_field(struct dsn_out *o)
{
	dsn_put(o, STR("\r\n"));
}

static void
put_date(struct dsn_out *o, struct str name, int64_t wall_ms)
{
	if (wall_ms <= 0)
		return;
	dsn_put(o, name);
	dsn_put_date(o, wall_ms);
	end_field(o);
}

/* RFC 3461 6.3: as it was given, without its coding. */
static void
put_envid(struct dsn_out *o, struct str envid)
{
	char bytes[XTEXT_ENVID_MAX_BYTES];
	struct outbuf plain = { bytes, 0, sizeof(bytes) };

	if (!xtext_is_envid(envid))
		return;
	BUG_IF(xtext_decode(envid, &plain) != ERR_OK);
	dsn_put(o, STR("Original-Envelope-Id: "));
	dsn_put_foreign(o, outbuf_str(&plain), STR(""));
	end_field(o);
}

/* RFC 6533 3: characters above 127 stand in a notice that is UTF-8 as they are,
 * in another one coded. */
static void
put_orcpt(struct dsn_out *o, struct str orcpt)
{
	char bytes[XTEXT_ORCPT_MAX_BYTES];
	char again[sizeof(bytes) * XTEXT_UTF8_GROWTH];
	struct outbuf plain = { bytes, 0, sizeof(bytes) };
	struct outbuf coded = { again, 0, sizeof(again) };
	struct xtext_orcpt parts;

	if (xtext_parse_orcpt(&parts, orcpt) != ERR_OK)
		return;
	dsn_put(o, STR("Original-Recipient: "));
	dsn_put_foreign(o, parts.type, STR(""));
	dsn_put(o, STR(";"));
	/* Both fit: the parameter is within its bound. */
	if (!parts.is_utf8) {
		BUG_IF(xtext_decode(parts.text, &plain) != ERR_OK);
		dsn_put_foreign(o, outbuf_str(&plain), STR(""));
	} else {
		BUG_IF(xtext_decode_utf8(parts.text, &plain) != ERR_OK);
		BUG_IF(xtext_encode_utf8(outbuf_str(&plain), &coded) != ERR_OK);
		dsn_put_foreign(o,
		    o->is_utf8 ? outbuf_str(&plain) : outbuf_str(&coded),
		    STR(""));
	}
	end_field(o);
}

static bool
is_ascii(struct str s)
{
	for (; s.len > 0; str_skip(&s, 1))
		if ((unsigned char)s.ptr[0] > 127)
			return false;
	return true;
}

static void
put_final(struct dsn_out *o, struct str address)
{
	bool is_utf8 = o->is_utf8 && !is_ascii(address);

	dsn_put(o, STR("Final-Recipient: "));
	dsn_put(o, is_utf8 ? STR("utf-8;") : STR("rfc822;"));
	dsn_put_foreign(o, address, STR(""));
	end_field(o);
}

static void
put_action(struct dsn_out *o, const struct dsn_fate *fate)
{
	static const struct str words[DSN_ACTION_N] = {
		[DSN_FAILED] = STR_INIT("failed"),
		[DSN_DELAYED] = STR_INIT("delayed"),
		[DSN_RELAYED] = STR_INIT("relayed"),
		[DSN_DELIVERED] = STR_INIT("delivered"),
	};
	char bytes[STATUS_TEXT_MAX_BYTES];
	struct outbuf status = { bytes, 0, sizeof(bytes) };

	BUG_IF(status_put(&fate->status, &status) != ERR_OK);
	dsn_put(o, STR("Action: "));
	dsn_put(o, words[fate->action]);
	dsn_put(o, STR("\r\nStatus: "));
	dsn_put(o, outbuf_str(&status));
	end_field(o);
}

static bool
is_ipv4(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_digit(s.ptr[i]) && s.ptr[i] != '.')
			return false;
	return s.len > 0;
}

/* A host of a route may be an address with its port, and is then written as an
 * address literal; the path of a socket is nobody's. */
static void
put_remote(struct dsn_out *o, struct str host)
{
	struct str name = str_head(host, str_find(host, ':'));
	struct str open = STR("dns; "), close = STR("");

	if (host.len == 0 || str_starts(host, STR("unix:")))
		return;
	if (host.ptr[0] == '[') {
		name = str_tail(str_head(host, str_find(host, ']')), 1);
		open = STR("dns; [IPv6:");
		close = STR("]");
	} else if (is_ipv4(name)) {
		open = STR("dns; [");
		close = STR("]");
	}
	dsn_put(o, STR("Remote-MTA: "));
	dsn_put(o, open);
	dsn_put_foreign(o, name, STR(""));
	dsn_put(o, close);
	end_field(o);
}

/* A text of ours is no reply of SMTP. */
static void
put_diagnostic(struct dsn_out *o, const struct dsn_fate *fate)
{
	if (fate->reply.len == 0)
		return;
	dsn_put(o, STR("Diagnostic-Code: "));
	dsn_put(o, fate->code != 0 ? STR("smtp; ") : STR("x-holdfast; "));
	dsn_put_foreign(o, fate->reply, FOLD);
	end_field(o);
}

static void
put_rcpt(struct dsn_out *o, const struct dsn *n, const struct dsn_facts *f,
    const struct dsn_rcpt *r)
{
	struct dsn_fate fate;

	if (!dsn_facts_fate(f, n, r, &fate))
		return;
	end_field(o);
	put_orcpt(o, r->orcpt);
	put_final(o, r->address);
	put_action(o, &fate);
	if (fate.was_tried)
		put_remote(o, f->host);
	put_diagnostic(o, &fate);
	if (fate.was_tried)
		put_date(o, STR("Last-Attempt-Date: "), n->tried_ms);
	if (fate.action == DSN_DELAYED)
		put_date(o, STR("Will-Retry-Until: "), n->expires_ms);
}

void
dsn_put_status(
    struct dsn_out *o, const struct dsn *n, const struct dsn_facts *f)
{
	char qid[QID_TEXT_BYTES + 1];

	qid_format(&n->qid, qid);
	dsn_put(o, STR("Reporting-MTA: dns; "));
	dsn_put_foreign(o, n->node, STR(""));
	dsn_put(o, STR("\r\nX-Holdfast-Queue-Id: "));
	dsn_put(o, str_from_c(qid));
	end_field(o);
	put_envid(o, n->envid);
	put_date(o, STR("Arrival-Date: "), n->arrival_ms);
	for (uint32_t i = 0; i < n->n_rcpts; i++)
		put_rcpt(o, n, f, &n->rcpts[i]);
}
