/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_cat: a message as it lies on disk. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "util/spool/envelope.h"

#define COPY_BYTES 65536
#define ENVELOPE_FACTOR 5

enum what { CAT_ALL, CAT_ENVELOPE, CAT_HEADERS, CAT_RAW };

static enum what
read_args(struct ctl *ctl)
{
	bool is_envelope = ctl_take_flag(ctl, "--envelope");
	bool is_headers = ctl_take_flag(ctl, "--headers");
	bool is_raw = ctl_take_flag(ctl, "--raw");

	ctl_check_args(ctl, 1, 1);
	if (is_envelope + is_headers + is_raw > 1)
		ctl_usage(ctl, "only one of --envelope, --headers, --raw");
	if (is_envelope)
		return CAT_ENVELOPE;
	if (is_headers)
		return CAT_HEADERS;
	return is_raw ? CAT_RAW : CAT_ALL;
}

static void
put_field(struct outbuf *out, const char *name, struct str value)
{
	if (value.len == 0)
		return;
	outbuf_put(out, str_from_c(name));
	ask_put_foreign(out, value);
	outbuf_putc(out, '\n');
}

/* "recipient: kim@example.org notify=DELAY orcpt=rfc822;kim@example.org" */
static void
put_rcpt(struct outbuf *out, const struct envelope_rcpt *rcpt)
{
	outbuf_put(out, STR("recipient: "));
	ask_put_foreign(out, rcpt->address);
	if (rcpt->notify != NOTIFY_DEFAULT) {
		outbuf_put(out, STR(" notify="));
		BUG_IF(dsn_put_notify(rcpt->notify, out) != ERR_OK);
	}
	if (rcpt->orcpt.len > 0) {
		outbuf_put(out, STR(" orcpt="));
		ask_put_foreign(out, rcpt->orcpt);
	}
	outbuf_putc(out, '\n');
}

static void
put_envelope(struct ask_record *r, const char *qid)
{
	const struct envelope_texts *t = &r->env.texts;
	struct envelope_iter it;
	struct envelope_rcpt rcpt;
	struct outbuf out;

	/* As text a recipient takes at most ENVELOPE_FACTOR times his bytes. */
	ctl_out_init(&out, 65536 + ENVELOPE_FACTOR * r->record.envelope.len);
	put_field(&out, "qid: ", str_from_c(qid));
	outbuf_put(&out, STR("sender: <"));
	ask_put_foreign(&out, t->sender);
	outbuf_put(&out, STR(">\n"));
	envelope_iter_init(&it, &r->env);
	while (envelope_next_rcpt(&it, &rcpt))
		put_rcpt(&out, &rcpt);
	put_field(&out, "tenant: ", t->tenant);
	put_field(&out, "campaign: ", t->campaign);
	put_field(&out, "client: ", t->client);
	put_field(&out, "helo: ", t->helo);
	put_field(&out, "authenticated: ", t->auth);
	put_field(&out, "tls: ", t->tls);
	put_field(&out, "protocol: ", t->protocol);
	put_field(&out, "envid: ", t->envid);
	put_field(&out, "ret: ", dsn_ret_text(t->ret));
	ctl_out_print(&out);
	free(out.ptr);
}

/* How much of piece belongs to the header section that goes on; *state is how
 * much of an empty line was seen (CR LF CR LF). */
static size_t
header_part(struct outbuf *piece, unsigned *state)
{
	static const char end[] = "\r\n\r\n";

	for (size_t i = 0; i < piece->len; i++) {
		if (piece->ptr[i] == end[*state])
			(*state)++;
		else
			*state = piece->ptr[i] == '\r' ? 1 : 0;
		if (*state == sizeof(end) - 1)
			return i + 1;
	}
	return piece->len;
}

/* Content as it will be sent, its checksum looked at on the way. */
static int
put_content(struct ask_record *r, enum what what)
{
	struct segread_content content;
	char bytes[COPY_BYTES];
	/* Content may begin with the empty line that ends no header. */
	unsigned state = 2;
	enum err err;

	segread_content_init(
	    &content, &r->record.head, r->record.content_offset);
	do {
		uint64_t left = content.left;
		struct outbuf piece = { bytes, 0, sizeof(bytes) };

		err =
		    segread_content_step(&content, r->fd, bytes, sizeof(bytes));
		if (err == ERR_IO)
			ctl_die(EXIT_TEMP, "the record cannot be read: %s",
			    strerror(errno));
		piece.len = (size_t)(left - content.left);
		if (what == CAT_HEADERS)
			piece.len = header_part(&piece, &state);
		if (piece.len > 0)
			ctl_out_print(&piece);
	} while (err == ERR_AGAIN && (what != CAT_HEADERS || state < 4));
	if (err != ERR_SYNTAX)
		return CTL_FINE;
	(void)fprintf(stderr,
	    "holdfast: the checksum is wrong: the content "
	    "was damaged on disk\n");
	return CTL_FOUND;
}

int
cmd_cat(struct ctl *ctl)
{
	enum what what = read_args(ctl);
	struct qid qid = ask_qid(ctl, ctl->argv[0]);
	struct ask_record r;
	struct call call;
	enum err err;
	int status = CTL_FINE;

	ctl_must_connect(ctl, "qmgr", &call);
	err = ask_record_load(&call, &qid, &r);
	if (err == ERR_NOTFOUND)
		ctl_die(CTL_FOUND,
		    "%s is not in the queue; why tells what "
		    "became of it",
		    ctl->argv[0]);
	if (err == ERR_SYNTAX)
		ctl_die(CTL_FOUND,
		    "the record of %s is damaged: segment "
		    "%016llx, block %u",
		    ctl->argv[0], (unsigned long long)r.segment, r.block);
	if (err != ERR_OK)
		ctl_die(EXIT_TEMP, "the record of %s cannot be read now",
		    ctl->argv[0]);
	if (what == CAT_ALL || what == CAT_ENVELOPE)
		put_envelope(&r, ctl->argv[0]);
	if (what == CAT_ALL) {
		(void)printf("\n");
		(void)fflush(stdout);
	}
	if (what != CAT_ENVELOPE)
		status = put_content(&r, what);
	ask_record_fini(&r);
	call_fini(&call);
	return status;
}
