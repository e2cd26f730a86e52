/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_data: DATA: the content follows (RFC 5321 4.1.1.4). */
#include "smtpd/cmd.h"
#include "smtpd/data.h"
#include "smtpd/server.h"
#include "smtpd/session.h"
#include "smtpd/txn.h"

void
cmd_data(struct session *s, const struct command *cmd)
{
	(void)cmd;
	if (intake_pressure(&s->server->intake, s->is_notice) ==
	    PRESSURE_REFUSE) {
		session_refuse_pressure(s, "DATA");
		return;
	}
	if (!data_begin(s)) {
		session_refuse(s, "DATA", "memory",
		    STR("452 4.3.1 Out of memory; try later"));
		return;
	}
	session_move(s, SS_DATA);
	session_reply(s, STR("354 End data with <CR><LF>.<CR><LF>"));
}
