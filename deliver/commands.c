/* SPDX-License-Identifier: BSD-2-Clause */
/* commands: the writer of a transaction's commands. */
#include "deliver/commands.h"

#include "deliver/txn_int.h"
#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/spool/envelope.h"

/* A command less its address: words, brackets, parameters, line end. */
#define MAIL_BYTES 96
#define RCPT_BYTES 56
#define DATA_BYTES 8

static size_t
mail_bytes(const struct txn *t)
{
	return MAIL_BYTES + t->sender.len + t->envid.len;
}

static size_t
rcpt_bytes(const struct txn *t, uint32_t i)
{
	return RCPT_BYTES + t->rcpts[i].address.len + t->more[i].orcpt.len;
}

size_t
commands_bytes(const struct txn *t)
{
	size_t n = mail_bytes(t) + DATA_BYTES;

	for (uint32_t i = 0; i < t->n; i++)
		n += rcpt_bytes(t, i);
	return n;
}

static void
put_path(struct outbuf *out, struct str verb, struct str address)
{
	outbuf_put(out, verb);
	outbuf_put(out, address);
	outbuf_put(out, STR(">"));
}

/* The texts are as the client wrote them: valid, and still encoded. */
static void
put_mail_dsn(struct outbuf *out, const struct txn *t)
{
	static const struct str rets[RET_N] = {
		[RET_FULL] = STR_INIT(" RET=FULL"),
		[RET_HEADERS] = STR_INIT(" RET=HDRS"),
	};

	outbuf_put(out, rets[t->ret]);
	if (t->envid.len > 0) {
		outbuf_put(out, STR(" ENVID="));
		outbuf_put(out, t->envid);
	}
}

/* NEVER stands alone (RFC 3461 4.1). */
static void
put_notify(struct outbuf *out, uint8_t notify)
{
	static const struct {
		struct str word;
		uint8_t bit;
	} words[] = {
		{ STR_INIT("SUCCESS"), NOTIFY_SUCCESS },
		{ STR_INIT("FAILURE"), NOTIFY_FAILURE },
		{ STR_INIT("DELAY"), NOTIFY_DELAY },
	};
	struct str before = STR(" NOTIFY=");

	if ((notify & NOTIFY_NEVER) != 0) {
		outbuf_put(out, STR(" NOTIFY=NEVER"));
		return;
	}
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if ((notify & words[i].bit) == 0)
			continue;
		outbuf_put(out, before);
		outbuf_put(out, words[i].word);
		before = STR(",");
	}
}

static void
put_rcpt_dsn(struct outbuf *out, const struct txn_rcpt *r)
{
	put_notify(out, r->notify);
	if (r->orcpt.len > 0) {
		outbuf_put(out, STR(" ORCPT="));
		outbuf_put(out, r->orcpt);
	}
}

/* SIZE is that of the content as it lies (RFC 1870 6): dots that are doubled
 * do not count. Content of 8 bit goes as it is where 8BITMIME is not offered:
 * nearly all servers take it, and nothing better can be done without changing
 * what was signed. */
enum err
commands_put_mail(const struct txn *t, const struct ehlo *ehlo, struct buf *out)
{
	const struct record_head *head = &t->record.head;
	struct outbuf space = buf_space(out, mail_bytes(t));

	if (space.cap < mail_bytes(t))
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
	if ((ehlo->offers & EHLO_DSN) != 0)
		put_mail_dsn(&space, t);
	outbuf_put(&space, STR("\r\n"));
	buf_commit(out, space.len);
	return ERR_OK;
}

enum err
commands_put_rcpt(struct txn *t, const struct ehlo *ehlo, struct buf *out)
{
	uint32_t i = t->n_put;
	struct outbuf space;

	BUG_IF(i >= t->n);
	space = buf_space(out, rcpt_bytes(t, i));
	if (space.cap < rcpt_bytes(t, i))
		return ERR_FULL;
	put_path(&space, STR("RCPT TO:<"), t->rcpts[i].address);
	if ((ehlo->offers & EHLO_DSN) != 0)
		put_rcpt_dsn(&space, &t->more[i]);
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
