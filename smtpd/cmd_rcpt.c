/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_rcpt: RCPT: one more recipient (RFC 5321 4.1.1.3). */
#include "smtpd/cmd.h"
#include "smtpd/session.h"
#include "smtpd/txn.h"
#include "util/conf/conf.h"
#include "util/conf/lookup.h"
#include "util/mail/command.h"

/* Postmaster of this node is always to be reached (RFC 5321 4.5.1). */
static bool
is_our_postmaster(const struct session *s, const struct address *a)
{
	return str_eq_nocase(a->local, STR("postmaster")) &&
	    (a->domain.len == 0 ||
	        str_eq_nocase(a->domain, s->conf->main.node));
}

static bool
may_send_to(const struct session *s, const struct address *a)
{
	return s->may_relay ||
	    conf_domains_match(&s->limits->relay_to, a->domain) ||
	    is_our_postmaster(s, a);
}

/* "Postmaster" alone gets our name behind it. */
static enum err
add(struct session *s, const struct command *cmd)
{
	const struct address *a = &cmd->path;
	struct txn_rcpt rcpt = { .address = a->whole,
		.domain = a->domain,
		.orcpt = cmd->orcpt,
		.notify = cmd->notify };
	char text[ADDRESS_LOCAL_MAX_BYTES + 1 + ADDRESS_DOMAIN_MAX_BYTES];
	struct outbuf out = { text, 0, sizeof(text) };
	struct str node = s->conf->main.node;

	if (a->domain.len > 0)
		return txn_add_rcpt(s->txn, &rcpt);
	if (outbuf_add(&out, a->local) != ERR_OK ||
	    outbuf_add(&out, STR("@")) != ERR_OK ||
	    outbuf_add(&out, node) != ERR_OK)
		return ERR_FULL;
	rcpt.address = outbuf_str(&out);
	rcpt.domain = node;
	return txn_add_rcpt(s->txn, &rcpt);
}

static void
refuse_count(struct session *s)
{
	char text[128];
	struct outbuf out = { text, 0, sizeof(text) };

	if (outbuf_printf(&out,
	        "452 4.5.3 Too many recipients (max_recipients = %u)",
	        s->limits->max_recipients) == ERR_OK)
		session_refuse(s, "RCPT", "max_recipients", outbuf_str(&out));
}

void
cmd_rcpt(struct session *s, const struct command *cmd)
{
	const struct address *a = &cmd->path;

	if (!may_send_to(s, a)) {
		session_refuse(s, "RCPT", "relay_to",
		    STR("554 5.7.1 Relay access denied (relay_from, "
		        "relay_to)"));
		return;
	}
	if (s->txn->n_rcpts >= s->limits->max_recipients) {
		refuse_count(s);
		return;
	}
	if (add(s, cmd) != ERR_OK) {
		session_refuse(s, "RCPT", "memory",
		    STR("452 4.5.3 No room for more recipients"));
		return;
	}
	if (s->state == SS_MAIL)
		session_move(s, SS_RCPT);
	session_reply(s, STR("250 2.1.5 Ok"));
}
