/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_mail: MAIL: a transaction begins (RFC 5321 4.1.1.2). */
#include "smtpd/cmd.h"
#include "smtpd/limits.h"
#include "smtpd/server.h"
#include "smtpd/session.h"
#include "smtpd/txn.h"
#include "util/conf/conf.h"
#include "util/log/log.h"
#include "util/mail/command.h"
#include "util/svc/svc.h"

static void
refuse_size(struct session *s)
{
	char text[LIMITS_REPLY_BYTES];
	struct outbuf out = { text, 0, sizeof(text) };

	if (limits_put_too_big(s->limits, &out) == ERR_OK)
		session_refuse(s, "MAIL", "max_message_size", outbuf_str(&out));
}

static void
begin(struct session *s, const struct command *cmd)
{
	struct txn *txn = txn_new(s, s->limits->max_recipients);

	if (txn == NULL ||
	    txn_set_sender(txn, cmd->path.whole, cmd->envid) != ERR_OK) {
		txn_free(&txn);
		session_refuse(s, "MAIL", "memory",
		    STR("452 4.3.1 Out of memory; try later"));
		return;
	}
	if (cmd->has_size)
		txn->declared_bytes = cmd->size_bytes;
	if (cmd->body == COMMAND_BODY_8BIT)
		txn->flags |= RECORD_8BITMIME;
	if (cmd->is_smtputf8)
		txn->flags |= RECORD_SMTPUTF8;
	txn->ret = cmd->ret;
	s->txn = txn;
}

void
cmd_mail_go_on(struct session *s)
{
	session_move(s, SS_MAIL);
	session_reply(s, STR("250 2.1.0 Ok"));
}

void
cmd_mail(struct session *s, const struct command *cmd)
{
	enum pressure pressure =
	    intake_pressure(&s->server->intake, s->is_notice);

	if (s->is_notice && cmd->path.whole.len > 0) {
		session_refuse(s, "MAIL", "notice",
		    STR("550 5.7.1 Notices alone are taken here: MAIL "
		        "FROM:<>"));
		return;
	}
	if (pressure == PRESSURE_REFUSE) {
		session_refuse_pressure(s, "MAIL");
		return;
	}
	if (store_is_down(&s->server->store)) {
		session_refuse(s, "MAIL", "disk",
		    STR("452 4.3.1 The spool cannot be written now; try "
		        "later"));
		return;
	}
	if (cmd->has_size &&
	    cmd->size_bytes > s->limits->max_message_size_bytes) {
		refuse_size(s);
		return;
	}
	begin(s, cmd);
	if (s->txn == NULL)
		return;
	if (pressure == PRESSURE_SLOW)
		session_move(s, SS_SLOW);
	else
		cmd_mail_go_on(s);
}
