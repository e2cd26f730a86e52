/* SPDX-License-Identifier: BSD-2-Clause */
/* command: one SMTP command line as a server reads it (RFC 5321 4.1.1). */
#ifndef UTIL_MAIL_COMMAND_H
#define UTIL_MAIL_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/mail/address.h"
#include "util/mail/dsnparam.h"
#include "util/text/str.h"

/* Each verb that is told from an unknown one, and what follows it. */
#define VERB_TABLE(X) \
	X(HELO, COMMAND_ARG_HOST) \
	X(EHLO, COMMAND_ARG_HOST) \
	X(MAIL, COMMAND_ARG_SENDER) \
	X(RCPT, COMMAND_ARG_RCPT) \
	X(DATA, COMMAND_ARG_NONE) \
	X(RSET, COMMAND_ARG_NONE) \
	X(NOOP, COMMAND_ARG_ANY) \
	X(VRFY, COMMAND_ARG_SOME) \
	X(EXPN, COMMAND_ARG_SOME) \
	X(HELP, COMMAND_ARG_ANY) \
	X(QUIT, COMMAND_ARG_NONE) \
	X(STARTTLS, COMMAND_ARG_NONE) \
	X(AUTH, COMMAND_ARG_SOME) \
	X(BDAT, COMMAND_ARG_SOME)

enum verb {
	VERB_UNKNOWN,
#define VERB_ENUM(name, arg) VERB_##name,
	VERB_TABLE(VERB_ENUM)
#undef VERB_ENUM
};

/* What is wrong with a line, and the reply that says so. Where a server is in
 * its dialog is not looked at here. */
#define COMMAND_FAULT_TABLE(X) \
	X(COMMAND_FINE, "250 2.0.0 Ok") \
	X(COMMAND_UNKNOWN, "500 5.5.2 Command not recognised") \
	X(COMMAND_NO_ARG, "501 5.5.4 An argument is missing") \
	X(COMMAND_EXTRA_ARG, "501 5.5.4 This command has no argument") \
	X(COMMAND_BAD_HOST, "501 5.5.4 Not a host name or address literal") \
	X(COMMAND_NO_FROM, "501 5.5.4 Write MAIL FROM:<address>") \
	X(COMMAND_NO_TO, "501 5.5.4 Write RCPT TO:<address>") \
	X(COMMAND_BAD_SENDER, "501 5.1.7 Sender address is malformed") \
	X(COMMAND_BAD_RCPT, "501 5.1.3 Recipient address is malformed") \
	X(COMMAND_LONG_SENDER, "501 5.1.7 Sender address is too long") \
	X(COMMAND_LONG_RCPT, "501 5.1.3 Recipient address is too long") \
	X(COMMAND_UTF8_SENDER, \
	    "550 5.6.7 Non-ASCII sender address needs SMTPUTF8") \
	X(COMMAND_UTF8_RCPT, \
	    "553 5.6.7 Non-ASCII recipient address needs SMTPUTF8") \
	X(COMMAND_BAD_PARAM, "501 5.5.4 Bad or repeated parameter") \
	X(COMMAND_UNKNOWN_PARAM, "555 5.5.4 Parameter not recognised") \
	X(COMMAND_RET_TWICE, "501 5.5.4 RET is given twice") \
	X(COMMAND_RET_VALUE, "501 5.5.4 RET takes FULL or HDRS") \
	X(COMMAND_ENVID_TWICE, "501 5.5.4 ENVID is given twice") \
	X(COMMAND_ENVID_EMPTY, "501 5.5.4 ENVID has no value") \
	X(COMMAND_ENVID_LONG, "501 5.5.4 ENVID is longer than 100 characters") \
	X(COMMAND_ENVID_CODE, \
	    "501 5.5.4 ENVID is not xtext: + goes before two digits of " \
	    "0-9 A-F, and = is +3D") \
	X(COMMAND_ENVID_BYTE, \
	    "501 5.5.4 ENVID stands for what is not printable ASCII") \
	X(COMMAND_NOTIFY_TWICE, "501 5.5.4 NOTIFY is given twice") \
	X(COMMAND_NOTIFY_WORD, \
	    "501 5.5.4 NOTIFY takes NEVER, or a list of SUCCESS, FAILURE, " \
	    "DELAY") \
	X(COMMAND_NOTIFY_REPEAT, "501 5.5.4 NOTIFY has a word twice") \
	X(COMMAND_NOTIFY_NEVER, "501 5.5.4 NOTIFY=NEVER stands alone") \
	X(COMMAND_ORCPT_TWICE, "501 5.5.4 ORCPT is given twice") \
	X(COMMAND_ORCPT_TYPE, \
	    "501 5.5.4 ORCPT needs an address type and ; as in " \
	    "rfc822;user@example.org") \
	X(COMMAND_ORCPT_EMPTY, "501 5.5.4 ORCPT has no address") \
	X(COMMAND_ORCPT_LONG, "501 5.5.4 ORCPT is longer than 500 characters") \
	X(COMMAND_ORCPT_CODE, \
	    "501 5.5.4 ORCPT is not coded as xtext: + goes before two digits " \
	    "of 0-9 A-F, and = is +3D") \
	X(COMMAND_ORCPT_BYTE, \
	    "501 5.5.4 ORCPT stands for what is not printable")

enum command_fault {
#define COMMAND_FAULT_ENUM(name, reply) name,
	COMMAND_FAULT_TABLE(COMMAND_FAULT_ENUM)
#undef COMMAND_FAULT_ENUM
};

enum command_body { COMMAND_BODY_UNSAID, COMMAND_BODY_7BIT, COMMAND_BODY_8BIT };

/* Views into the line. */
struct command {
	enum verb verb;
	enum command_fault fault;
	struct str arg;         /* behind the verb, trimmed; may be empty */
	struct address path;    /* MAIL and RCPT */
	uint64_t size_bytes;    /* MAIL SIZE=; UINT64_MAX: more than that */
	enum command_body body; /* MAIL BODY= */
	bool has_size;          /* MAIL SIZE= was given */
	bool is_smtputf8;       /* MAIL SMTPUTF8 was given */
	bool has_dsn;           /* one of the next four was given */
	enum dsn_ret ret;       /* MAIL RET= */
	struct str envid;       /* MAIL ENVID=, coded; may be empty */
	uint8_t notify;         /* RCPT NOTIFY=, bits of NOTIFY_ */
	struct str orcpt;       /* RCPT ORCPT=, coded; may be empty */
};

/*
 * Parses one line, without its CR LF. Blanks behind the line and behind
 * "FROM:" and "TO:" are passed over, as all servers do. utf8_rcpt: the
 * transaction's MAIL said SMTPUTF8, so RCPT may hold UTF-8.
 *
 * ERR_SYNTAX	cmd->fault says what is wrong; cmd->verb is right, the rest of
 *		cmd is not to be used
 */
MUST_USE enum err command_parse(
    struct command *cmd, struct str line, bool utf8_rcpt);

/* The whole reply to a line with this fault, without CR LF. */
struct str command_fault_reply(enum command_fault fault);

/* A verb in upper case, in static storage; "unknown" for VERB_UNKNOWN. */
const char *verb_text(enum verb verb);

#endif /* UTIL_MAIL_COMMAND_H */
