/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_helo: HELO and EHLO: the client says who it is (RFC 5321 4.1.1.1). */
#include <stdlib.h>

#include "smtpd/cmd.h"
#include "smtpd/session.h"
#include "util/conf/conf.h"
#include "util/mail/command.h"

static void
say_extensions(struct session *s)
{
	session_replyf(s,
	    "250-%.*s\r\n"
	    "250-PIPELINING\r\n"
	    "250-SIZE %llu\r\n"
	    "250-8BITMIME\r\n"
	    "250-SMTPUTF8\r\n"
	    "250-DSN\r\n"
	    "250 ENHANCEDSTATUSCODES",
	    STR_ARG(s->conf->main.node),
	    (unsigned long long)s->limits->max_message_size_bytes);
}

void
cmd_helo(struct session *s, const struct command *cmd)
{
	char *helo = malloc(cmd->arg.len + 1);

	if (helo == NULL) {
		session_refuse(s, verb_text(cmd->verb), "memory",
		    STR("452 4.3.1 Out of memory; try later"));
		return;
	}
	memcpy(helo, cmd->arg.ptr, cmd->arg.len);
	helo[cmd->arg.len] = '\0';
	free(s->helo);
	s->helo = helo;
	s->is_esmtp = cmd->verb == VERB_EHLO;
	if (s->state == SS_GREETED)
		session_move(s, SS_READY);
	else
		session_reset(s);
	if (s->is_esmtp)
		say_extensions(s);
	else
		session_replyf(s, "250 %.*s", STR_ARG(s->conf->main.node));
}
