/* SPDX-License-Identifier: BSD-2-Clause */
/* account: the line in which `qmgr --account` tells what a spool holds. */
#include "util/svc/account.h"

#include <stddef.h>

#include "util/base/array.h"
#include "util/text/num.h"

static const size_t offsets[] = {
#define ACCOUNT_OFFSET(name) offsetof(struct account, name),
	ACCOUNT_TABLE(ACCOUNT_OFFSET)
#undef ACCOUNT_OFFSET
};

enum err
account_format(const struct account *account, struct outbuf *out)
{
	uint64_t n;
	size_t i;

	if (outbuf_room(out) < ACCOUNT_LINE_MAX_BYTES)
		return ERR_FULL;
	for (i = 0; i < COUNT_OF(offsets); i++) {
		memcpy(&n, (const char *)account + offsets[i], sizeof(n));
		outbuf_put_u64(out, n);
		outbuf_putc(out, i + 1 < COUNT_OF(offsets) ? ' ' : '\n');
	}
	return ERR_OK;
}

enum err
account_parse(struct account *account, struct str line)
{
	struct account read = { 0 };
	struct str field;
	uint64_t n;
	size_t i;

	if (!str_ends(line, STR("\n")))
		return ERR_SYNTAX;
	line.len--;
	for (i = 0; i < COUNT_OF(offsets); i++) {
		/* The last takes all the rest, so a further blank is found. */
		field = i + 1 < COUNT_OF(offsets) ? str_take_field(&line, ' ')
		                                  : line;
		if (num_u64(field, UINT64_MAX, &n) != ERR_OK)
			return ERR_SYNTAX;
		memcpy((char *)&read + offsets[i], &n, sizeof(n));
	}
	*account = read;
	return ERR_OK;
}
