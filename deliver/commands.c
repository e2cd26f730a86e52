/* SPDX-License-Identifier: BSD-2-Clause */
/* commands: the writer of a transaction's commands. */
#include "deliver/commands.h"

#include "deliver/txn_int.h"
#include "util/base/fatal.h"

/* A command less its address: words, brackets, parameters, line end. */
#define MAIL_BYTES 80
#define RCPT_BYTES 16
#define DATA_BYTES 8

size_t
commands_bytes(const struct txn *t)
{
	size_t n = MAIL_BYTES + t->sender.len + DATA_BYTES;

	for (uint32_t i = 0; i < t->n; i++)
		n += RCPT_BYTES + t->rcpts[i].address.len;
	return n;
}

static void
put_path(struct outbuf *out, struct str verb, struct str address)
{
	outbuf_put(out, verb);
	outbuf_put(out, address);
	outbuf_put(out, STR(">"));
}

/* SIZE is that of the content as it lies (RFC 1870 6): dots that are doubled
 * do not count. Content of 8 bit goes as it is where 8BITMIME is not offered:
 * nearly all servers take it, and nothing better can be done without changing
 * what was signed. */
enum err
commands_put_mail(const struct txn *t, const struct ehlo *ehlo, struct buf *out)
{
	const struct record_head *head = &t->record.head;
	struct outbuf space = buf_space(out, MAIL_BYTES + t->sender.len);

	if (space.cap < MAIL_BYTES + t->sender.len)
		return ERR_FULL;
	put_path(&space, STR("MAIL FROM:<"), t->sender);
	if ((ehlo->offers & EHLO_SIZE) != 0) {
		outbuf_put(&space, STR(" SIZE="));
		outbuf_put_u64(&space, head->content_bytes);
	}
	if ((ehlo->offers & EHLO_8BITMIME) != 0 &&
	    (head->flags & RECORD_8BITMIME) != 0)
		outbuf_put(&space, STR(" BODY=8BITMIME"));
	if ((head->flags & RECORD_SMTPUTF8) != 0)
		outbuf_put(&space, STR(" SMTPUTF8"));
	outbuf_put(&space, STR("\r\n"));
	buf_commit(out, space.len);
	return ERR_OK;
}

enum err
commands_put_rcpt(struct txn *t, struct buf *out)
{
	struct str address;
	struct outbuf space;

	BUG_IF(t->n_put >= t->n);
	address = t->rcpts[t->n_put].address;
	space = buf_space(out, RCPT_BYTES + address.len);
	if (space.cap < RCPT_BYTES + address.len)
		return ERR_FULL;
	put_path(&space, STR("RCPT TO:<"), address);
	outbuf_put(&space, STR("\r\n"));
	buf_commit(out, space.len);
	t->n_put++;
	return ERR_OK;
}

enum err
commands_put_data(struct buf *out)
{
	return buf_append(out, STR("DATA\r\n"));
}
