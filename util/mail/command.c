/* SPDX-License-Identifier: BSD-2-Clause */
/* command: the parser of SMTP command lines. */
#include "util/mail/command.h"

#include "util/base/array.h"
#include "util/text/ascii.h"
#include "util/text/num.h"

enum arg_kind {
	COMMAND_ARG_NONE, /* one is a fault */
	COMMAND_ARG_ANY,
	COMMAND_ARG_SOME, /* none is a fault */
	COMMAND_ARG_HOST,
	COMMAND_ARG_SENDER,
	COMMAND_ARG_RCPT,
};

static const struct verb_row {
	struct str name;
	enum arg_kind arg;
} verbs[] = { [VERB_UNKNOWN] = { STR_INIT("unknown"), COMMAND_ARG_ANY },
#define VERB_ROW(name, arg) [VERB_##name] = { STR_INIT(#name), arg },
	VERB_TABLE(VERB_ROW)
#undef VERB_ROW
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
skip_blanks(struct str *s)
{
	while (s->len > 0 && is_blank(s->ptr[0]))
		str_skip(s, 1);
}

/* Takes what stands before the next blanks, and these with it. */
static struct str
take_word(struct str *s)
{
	struct str word = { s->ptr, 0 };

	while (word.len < s->len && !is_blank(s->ptr[word.len]))
		word.len++;
	str_skip(s, word.len);
	skip_blanks(s);
	return word;
}

static enum verb
find_verb(struct str word)
{
	for (size_t i = VERB_UNKNOWN + 1; i < COUNT_OF(verbs); i++)
		if (str_eq_nocase(word, verbs[i].name))
			return (enum verb)i;
	return VERB_UNKNOWN;
}

/* Clients send all kinds of names: what is asked for is that it be one word of
 * a name's or literal's characters, since it goes into the Received field. */
static enum command_fault
check_host(struct str arg)
{
	if (arg.len == 0)
		return COMMAND_NO_ARG;
	if (arg.len > ADDRESS_DOMAIN_MAX_BYTES)
		return COMMAND_BAD_HOST;
	if (arg.len > 2 && arg.ptr[0] == '[' && arg.ptr[arg.len - 1] == ']')
		arg = str_head(str_tail(arg, 1), arg.len - 2);
	for (size_t i = 0; i < arg.len; i++) {
		char c = arg.ptr[i];

		if (!ascii_is_alnum(c) && memchr("-._:", c, 4) == NULL)
			return COMMAND_BAD_HOST;
	}
	return COMMAND_FINE;
}

/* --- parameters ----------------------------------------------------------- */

/* What is behind "=" in value; its ptr is NULL where there is none. */
typedef enum command_fault set_fn(
    struct command *cmd, struct str value, bool utf8);

/* A size above 64 bits is a size all the same: too big for any limit. */
static enum command_fault
set_size(struct command *cmd, struct str value, bool utf8)
{
	enum err err = num_u64(value, UINT64_MAX, &cmd->size_bytes);

	(void)utf8;
	if (err == ERR_RANGE)
		cmd->size_bytes = UINT64_MAX;
	if (cmd->has_size || (err != ERR_OK && err != ERR_RANGE))
		return COMMAND_BAD_PARAM;
	cmd->has_size = true;
	return COMMAND_FINE;
}

static enum command_fault
set_body(struct command *cmd, struct str value, bool utf8)
{
	(void)utf8;
	if (cmd->body != COMMAND_BODY_UNSAID)
		return COMMAND_BAD_PARAM;
	if (str_eq_nocase(value, STR("7BIT")))
		cmd->body = COMMAND_BODY_7BIT;
	else if (str_eq_nocase(value, STR("8BITMIME")))
		cmd->body = COMMAND_BODY_8BIT;
	else
		return COMMAND_BAD_PARAM;
	return COMMAND_FINE;
}

static enum command_fault
set_smtputf8(struct command *cmd, struct str value, bool utf8)
{
	(void)utf8;
	if (cmd->is_smtputf8 || value.ptr != NULL)
		return COMMAND_BAD_PARAM;
	cmd->is_smtputf8 = true;
	return COMMAND_FINE;
}

static enum command_fault
set_ret(struct command *cmd, struct str value, bool utf8)
{
	(void)utf8;
	if (cmd->ret != RET_DEFAULT)
		return COMMAND_RET_TWICE;
	if (dsn_parse_ret(value, &cmd->ret) != ERR_OK)
		return COMMAND_RET_VALUE;
	cmd->has_dsn = true;
	return COMMAND_FINE;
}

static enum command_fault
set_envid(struct command *cmd, struct str value, bool utf8)
{
	static const uint8_t faults[] = {
		[ERR_OK] = COMMAND_FINE,
		[ERR_NOTFOUND] = COMMAND_ENVID_EMPTY,
		[ERR_SYNTAX] = COMMAND_ENVID_CODE,
		[ERR_FULL] = COMMAND_ENVID_LONG,
		[ERR_RANGE] = COMMAND_ENVID_BYTE,
	};

	(void)utf8;
	if (cmd->envid.len > 0)
		return COMMAND_ENVID_TWICE;
	cmd->envid = value;
	cmd->has_dsn = true;
	return (enum command_fault)faults[dsn_check_envid(value)];
}

static enum command_fault
set_notify(struct command *cmd, struct str value, bool utf8)
{
	static const uint8_t faults[] = {
		[ERR_OK] = COMMAND_FINE,
		[ERR_SYNTAX] = COMMAND_NOTIFY_WORD,
		[ERR_EXISTS] = COMMAND_NOTIFY_REPEAT,
		[ERR_DENIED] = COMMAND_NOTIFY_NEVER,
	};

	(void)utf8;
	if (cmd->notify != NOTIFY_DEFAULT)
		return COMMAND_NOTIFY_TWICE;
	cmd->has_dsn = true;
	return (
	    enum command_fault)faults[dsn_parse_notify(value, &cmd->notify)];
}

static enum command_fault
set_orcpt(struct command *cmd, struct str value, bool utf8)
{
	static const uint8_t faults[] = {
		[ERR_OK] = COMMAND_FINE,
		[ERR_PROTO] = COMMAND_ORCPT_TYPE,
		[ERR_NOTFOUND] = COMMAND_ORCPT_EMPTY,
		[ERR_SYNTAX] = COMMAND_ORCPT_CODE,
		[ERR_FULL] = COMMAND_ORCPT_LONG,
		[ERR_RANGE] = COMMAND_ORCPT_BYTE,
	};

	if (cmd->orcpt.len > 0)
		return COMMAND_ORCPT_TWICE;
	cmd->orcpt = value;
	cmd->has_dsn = true;
	return (enum command_fault)faults[dsn_check_orcpt(value, utf8)];
}

static const struct param {
	struct str name;
	enum verb verb;
	set_fn *set;
} params[] = {
	{ STR_INIT("SIZE"), VERB_MAIL, set_size },
	{ STR_INIT("BODY"), VERB_MAIL, set_body },
	{ STR_INIT("SMTPUTF8"), VERB_MAIL, set_smtputf8 },
	{ STR_INIT("RET"), VERB_MAIL, set_ret },
	{ STR_INIT("ENVID"), VERB_MAIL, set_envid },
	{ STR_INIT("NOTIFY"), VERB_RCPT, set_notify },
	{ STR_INIT("ORCPT"), VERB_RCPT, set_orcpt },
};

/* One word behind the path, "name" or "name=value". */
static enum command_fault
set_param(struct command *cmd, struct str word, bool utf8)
{
	size_t at = str_find(word, '=');
	struct str name = str_head(word, at);
	struct str value = { NULL, 0 };

	if (at < word.len)
		value = str_tail(word, at + 1);
	for (size_t i = 0; i < COUNT_OF(params); i++)
		if (params[i].verb == cmd->verb &&
		    str_eq_nocase(name, params[i].name))
			return params[i].set(cmd, value, utf8);
	return COMMAND_UNKNOWN_PARAM;
}

/* --- paths ---------------------------------------------------------------- */

/* What differs between the paths of MAIL and RCPT. */
struct path_rule {
	struct str prefix;
	unsigned flags;
	enum command_fault no_prefix, bad, too_long, utf8;
};

static const struct path_rule sender_rule = {
	STR_INIT("FROM:"),
	/* SMTPUTF8 comes behind the address: looked at afterwards. */
	ADDRESS_NULL_OK | ADDRESS_UTF8_OK,
	COMMAND_NO_FROM,
	COMMAND_BAD_SENDER,
	COMMAND_LONG_SENDER,
	COMMAND_UTF8_SENDER,
};

static const struct path_rule rcpt_rule = {
	STR_INIT("TO:"),
	ADDRESS_POSTMASTER_OK,
	COMMAND_NO_TO,
	COMMAND_BAD_RCPT,
	COMMAND_LONG_RCPT,
	COMMAND_UTF8_RCPT,
};

/* Takes the path off arg, which then begins with the first parameter. */
static enum command_fault
take_path(struct address *path, struct str *arg, const struct path_rule *rule,
    unsigned more_flags)
{
	enum err err;

	if (!str_starts_nocase(*arg, rule->prefix))
		return rule->no_prefix;
	str_skip(arg, rule->prefix.len);
	skip_blanks(arg);
	err = address_parse_path(path, arg, rule->flags | more_flags);
	if (err == ERR_RANGE)
		return rule->too_long;
	if (err == ERR_DENIED)
		return rule->utf8;
	if (err != ERR_OK || (arg->len > 0 && !is_blank(arg->ptr[0])))
		return rule->bad;
	skip_blanks(arg);
	return COMMAND_FINE;
}

static enum command_fault
parse_sender(struct command *cmd, struct str arg)
{
	enum command_fault fault;

	fault = take_path(&cmd->path, &arg, &sender_rule, 0);
	while (fault == COMMAND_FINE && arg.len > 0)
		fault = set_param(cmd, take_word(&arg), false);
	if (fault == COMMAND_FINE && cmd->path.is_utf8 && !cmd->is_smtputf8)
		return COMMAND_UTF8_SENDER;
	return fault;
}

static enum command_fault
parse_rcpt(struct command *cmd, struct str arg, bool utf8_rcpt)
{
	enum command_fault fault;

	fault = take_path(
	    &cmd->path, &arg, &rcpt_rule, utf8_rcpt ? ADDRESS_UTF8_OK : 0);
	while (fault == COMMAND_FINE && arg.len > 0)
		fault = set_param(cmd, take_word(&arg), utf8_rcpt);
	return fault;
}

static enum command_fault
parse_arg(struct command *cmd, bool utf8_rcpt)
{
	bool has_arg = cmd->arg.len > 0;

	if (cmd->verb == VERB_UNKNOWN)
		return COMMAND_UNKNOWN;
	switch (verbs[cmd->verb].arg) {
	case COMMAND_ARG_NONE:
		return has_arg ? COMMAND_EXTRA_ARG : COMMAND_FINE;
	case COMMAND_ARG_ANY:
		return COMMAND_FINE;
	case COMMAND_ARG_SOME:
		return has_arg ? COMMAND_FINE : COMMAND_NO_ARG;
	case COMMAND_ARG_HOST:
		return check_host(cmd->arg);
	case COMMAND_ARG_SENDER:
		return parse_sender(cmd, cmd->arg);
	case COMMAND_ARG_RCPT:
		return parse_rcpt(cmd, cmd->arg, utf8_rcpt);
	}
	return COMMAND_UNKNOWN;
}

enum err
command_parse(struct command *cmd, struct str line, bool utf8_rcpt)
{
	*cmd = (struct command){ .verb = VERB_UNKNOWN };
	cmd->verb = find_verb(take_word(&line));
	cmd->arg = str_trim(line);
	cmd->fault = parse_arg(cmd, utf8_rcpt);
	return cmd->fault == COMMAND_FINE ? ERR_OK : ERR_SYNTAX;
}

struct str
command_fault_reply(enum command_fault fault)
{
	static const struct str replies[] = {
#define COMMAND_FAULT_REPLY(name, reply) [name] = STR_INIT(reply),
		COMMAND_FAULT_TABLE(COMMAND_FAULT_REPLY)
#undef COMMAND_FAULT_REPLY
	};

	return replies[fault];
}

const char *
verb_text(enum verb verb)
{
	return verbs[verb].name.ptr;
}
