/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_command: any line has a verb, and a fault or what the verb needs. */
#include "util/mail/command.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "util/mail/xtext.h"

/* These are written into notices and onto other servers' command lines. */
static void
check_dsn(const struct command *cmd, bool utf8_rcpt)
{
	struct xtext_orcpt orcpt;

	BUG_IF(cmd->verb != VERB_MAIL &&
	    (cmd->ret != RET_DEFAULT || cmd->envid.len > 0));
	BUG_IF(cmd->verb != VERB_RCPT &&
	    (cmd->notify != NOTIFY_DEFAULT || cmd->orcpt.len > 0));
	BUG_IF(cmd->has_dsn !=
	    (cmd->ret != RET_DEFAULT || cmd->envid.len > 0 ||
	        cmd->notify != NOTIFY_DEFAULT || cmd->orcpt.len > 0));
	BUG_IF(
	    (cmd->notify & NOTIFY_NEVER) != 0 && cmd->notify != NOTIFY_NEVER);
	BUG_IF(cmd->envid.len > 0 && !xtext_is_envid(cmd->envid));
	if (cmd->orcpt.len == 0)
		return;
	BUG_IF(xtext_parse_orcpt(&orcpt, cmd->orcpt) != ERR_OK);
	for (size_t i = 0; i < cmd->orcpt.len; i++)
		BUG_IF((unsigned char)cmd->orcpt.ptr[i] > 0x7f && !utf8_rcpt);
}

static void
check_good(const struct command *cmd, bool utf8_rcpt)
{
	BUG_IF(cmd->fault != COMMAND_FINE || cmd->verb == VERB_UNKNOWN);
	BUG_IF(cmd->verb != VERB_MAIL && (cmd->has_size || cmd->is_smtputf8));
	BUG_IF(cmd->verb == VERB_RCPT && cmd->path.local.len == 0);
	BUG_IF(cmd->verb == VERB_RCPT && cmd->path.is_utf8 && !utf8_rcpt);
	BUG_IF(
	    cmd->verb == VERB_MAIL && cmd->path.is_utf8 && !cmd->is_smtputf8);
	check_dsn(cmd, utf8_rcpt);
	if (cmd->verb != VERB_HELO && cmd->verb != VERB_EHLO)
		return;
	/* It goes into a field that we write: no way out of it. */
	BUG_IF(cmd->arg.len == 0 || cmd->arg.len > ADDRESS_DOMAIN_MAX_BYTES);
	for (size_t i = 0; i < cmd->arg.len; i++) {
		char c = cmd->arg.ptr[i];

		BUG_IF(c <= ' ' || c > '~');
		BUG_IF(memchr("()<>,;\\\"", c, 8) != NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct command cmd;
	bool utf8_rcpt;
	enum err err;

	if (size < 1)
		return 0;
	utf8_rcpt = data[0] % 2 == 1;
	err = command_parse(
	    &cmd, (struct str){ (const char *)data + 1, size - 1 }, utf8_rcpt);
	BUG_IF(err != ERR_OK && err != ERR_SYNTAX);
	if (err == ERR_OK)
		check_good(&cmd, utf8_rcpt);
	else
		BUG_IF(cmd.fault == COMMAND_FINE);
	BUG_IF(command_fault_reply(cmd.fault).len < 10);
	return 0;
}
