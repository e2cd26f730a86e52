/* SPDX-License-Identifier: BSD-2-Clause */
/* dsn_text: what a notice says to people. */
#include "deliver/core/dsn_int.h"

#define INDENT STR("    ")

/* The heading of each group, and what is said behind it. */
static const struct {
	struct str heading, end;
} groups[DSN_ACTION_N] = {
	[DSN_FAILED] = {
		STR_INIT("It could not be delivered to:\r\n"),
		STR_INIT("No further try is made for these. You may have to"
			" correct the address,\r\nor to ask the recipient's"
			" postmaster.\r\n"),
	},
	[DSN_DELAYED] = {
		STR_INIT("It has not been delivered yet to:\r\n"),
		STR_INIT("You need not send it again."),
	},
	[DSN_RELAYED] = {
		STR_INIT("It was handed on for:\r\n"),
		STR_INIT("The next host took it, but does not tell of"
			" deliveries: you may hear no\r\nmore of it.\r\n"),
	},
	[DSN_DELIVERED] = {
		STR_INIT("It was delivered to:\r\n"),
		STR_INIT("Nothing more is to be done.\r\n"),
	},
};

/* "mx.test (192.0.2.1:25)" */
static void
put_host(struct dsn_out *o, const struct dsn_facts *f)
{
	struct str host = f->host.len > 0 ? f->host : f->address;

	dsn_put_foreign(o, host, INDENT);
	if (f->address.len == 0 || str_eq(f->address, host))
		return;
	dsn_put(o, STR(" ("));
	dsn_put_foreign(o, f->address, INDENT);
	dsn_put(o, STR(")"));
}

static void
put_reply(
    struct dsn_out *o, const struct dsn_facts *f, const struct dsn_fate *fate)
{
	dsn_put(o, INDENT);
	if (fate->was_tried && f->host.len + f->address.len > 0) {
		put_host(o, f);
		dsn_put(o, fate->code != 0 ? STR(" said: ") : STR(": "));
	}
	dsn_put_foreign(o, fate->reply, INDENT);
	dsn_put(o, STR("\r\n"));
}

/* The reason is about all that were not refused themselves. */
static bool
has_reason(const struct dsn *n, const struct dsn_fate *fate)
{
	return n->reason.len > 0 &&
	    (fate->action == DSN_DELAYED ||
	        (fate->action == DSN_FAILED && !fate->is_refused));
}

static void
put_rcpt(struct dsn_out *o, const struct dsn *n, const struct dsn_facts *f,
    uint32_t i, const struct dsn_fate *fate)
{
	bool is_told = false;

	dsn_put(o, STR("\r\n  <"));
	dsn_put_foreign(o, n->rcpts[i].address, STR(""));
	dsn_put(o, STR(">\r\n"));
	if (has_reason(n, fate)) {
		dsn_put(o, INDENT);
		dsn_put_foreign(o, n->reason, INDENT);
		dsn_put(o, STR("\r\n"));
		is_told = !fate->was_tried;
	}
	if (fate->reply.len > 0 && !is_told)
		put_reply(o, f, fate);
}

static void
put_end(struct dsn_out *o, const struct dsn *n, enum dsn_action action)
{
	dsn_put(o, STR("\r\n"));
	dsn_put(o, groups[action].end);
	if (action != DSN_DELAYED)
		return;
	if (n->expires_ms > 0) {
		dsn_put(o, STR(" It is tried again until\r\n"));
		dsn_put_date(o, n->expires_ms);
		dsn_put(o, STR(".\r\n"));
	} else {
		dsn_put(o, STR(" It is tried again.\r\n"));
	}
}

static void
put_group(struct dsn_out *o, const struct dsn *n, const struct dsn_facts *f,
    enum dsn_action action)
{
	struct dsn_fate fate;
	bool is_begun = false;

	for (uint32_t i = 0; i < n->n_rcpts; i++) {
		if (!dsn_facts_fate(f, n, &n->rcpts[i], &fate) ||
		    fate.action != action)
			continue;
		if (!is_begun) {
			dsn_put(o, STR("\r\n"));
			dsn_put(o, groups[action].heading);
		}
		is_begun = true;
		put_rcpt(o, n, f, i, &fate);
	}
	if (is_begun)
		put_end(o, n, action);
}

void
dsn_put_text(struct dsn_out *o, const struct dsn *n, const struct dsn_facts *f)
{
	char qid[QID_TEXT_BYTES + 1];

	qid_format(&n->qid, qid);
	dsn_put(o, STR("This is the mail relay "));
	dsn_put_foreign(o, n->node, STR(""));
	dsn_put(o, STR(".\r\n\r\nThis is about your message"));
	if (n->arrival_ms > 0) {
		dsn_put(o, STR(" of "));
		dsn_put_date(o, n->arrival_ms);
	}
	dsn_put(o, STR(",\r\nwhich has the queue id "));
	dsn_put(o, str_from_c(qid));
	dsn_put(o, STR(".\r\n"));
	for (unsigned i = 0; i < DSN_ACTION_N; i++)
		put_group(o, n, f, (enum dsn_action)i);
}
