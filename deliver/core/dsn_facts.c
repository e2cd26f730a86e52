/* SPDX-License-Identifier: BSD-2-Clause */
/* dsn_facts: what became of each recipient, out of the facts. */
#include "deliver/core/dsn_int.h"
#include "deliver/core/facts.h"
#include "util/text/ascii.h"
#include "util/text/jsonread.h"

#define CLASS_OF 100
#define CODE_MIN 200
#define CODE_MAX 599
#define KLASS_OK 2
#define KLASS_TEMP 4
#define KLASS_PERM 5

/* Where nobody else has said anything of the kind (RFC 3463). */
static const struct status expired = { 5, 4, 7 };
static const struct status failed = { 5, 0, 0 };
static const struct status delayed = { 4, 4, 0 };
static const struct status done = { 2, 0, 0 };

static struct str
cut(struct str s)
{
	return s.len > DSN_TEXT_MAX_BYTES ? str_head(s, DSN_TEXT_MAX_BYTES) : s;
}

static struct str
text_of(const struct json_t *object, const char *key)
{
	return cut(jsonread_str(jsonread_get(object, key)));
}

static void
find_rcpts(struct dsn_facts *f)
{
	const struct json_t *rcpts = jsonread_get(f->json, "rcpts");
	size_t n = jsonread_n(rcpts);

	for (size_t i = 0; i < n; i++) {
		const struct json_t *r = jsonread_item(rcpts, i);
		int64_t number = jsonread_num(jsonread_get(r, "n"));

		/* A recipient without a verdict says nothing. */
		if (text_of(r, "verdict").len > 0 && number >= 0 &&
		    number < PART_RCPTS_MAX)
			f->of[number] = r;
	}
	f->has_rcpts = n > 0;
}

enum err
dsn_facts_init(struct dsn_facts *f, struct str text)
{
	struct str transport;
	enum err err;

	*f = (struct dsn_facts){ .json = NULL };
	err = jsonread_new(&f->json, text);
	/* What does not read is as good as nothing. */
	if (err != ERR_OK)
		return err == ERR_FULL ? ERR_FULL : ERR_OK;
	f->host = text_of(f->json, "host");
	f->address = text_of(f->json, "address");
	f->reply = text_of(f->json, "reply");
	f->delivered = text_of(f->json, "delivered");
	transport = text_of(f->json, "transport");
	f->is_final = transport.len > 0;
	find_rcpts(f);
	return ERR_OK;
}

void
dsn_facts_fini(struct dsn_facts *f)
{
	jsonread_free(&f->json);
}

/* One that found no room among the recipients, but was delivered. */
static bool
is_in_delivered(const struct dsn_facts *f, uint16_t n)
{
	size_t at = n / 4u;
	char c = at < f->delivered.len ? f->delivered.ptr[at] : '0';
	unsigned digit = 0;

	if (ascii_is_digit(c))
		digit = (unsigned)(c - '0');
	else if (c >= 'a' && c <= 'f')
		digit = (unsigned)(c - 'a') + 10;
	return (digit >> n % 4u & 1u) != 0;
}

/* The status that the facts give, if it is of that class. */
static struct status
status_of(const struct json_t *r, uint8_t klass, struct status otherwise)
{
	struct str text = text_of(r, "enhanced");
	struct status st;

	if (status_parse(&st, &text) == ERR_OK && st.klass == klass)
		return st;
	return otherwise;
}

static uint16_t
code_of(const struct json_t *r)
{
	int64_t code = jsonread_num(jsonread_get(r, "code"));

	return code >= CODE_MIN && code <= CODE_MAX ? (uint16_t)code : 0;
}

/* What was said of r, whose facts are of[n]. */
static void
take_reply(
    const struct dsn_facts *f, const struct json_t *r, struct dsn_fate *fate)
{
	fate->was_tried = true;
	fate->code = code_of(r);
	fate->reply = text_of(r, "reply");
	if (fate->reply.len == 0)
		fate->reply = f->reply;
}

static bool
is_verdict(const struct json_t *r, enum verdict verdict)
{
	return str_eq(
	    text_of(r, "verdict"), str_from_c(facts_verdict_text(verdict)));
}

static void
take_failure(const struct dsn_facts *f, const struct dsn *n,
    const struct json_t *r, struct dsn_fate *fate)
{
	struct str reason = n->reason;

	fate->action = DSN_FAILED;
	if (r != NULL && is_verdict(r, VERDICT_BOUNCED)) {
		fate->is_refused = true;
		fate->status = status_of(r, KLASS_PERM, failed);
		return;
	}
	/* It was not refused for good: the reason tells, or its time has
	 * passed. */
	if (r != NULL || n->reason.len > 0) {
		if (status_parse(&fate->status, &reason) != ERR_OK ||
		    fate->status.klass != KLASS_PERM)
			fate->status = expired;
		return;
	}
	fate->status = status_of(f->json, KLASS_PERM, failed);
	/* What is common to those that are named need not be theirs. */
	if (!f->has_rcpts)
		fate->reply = f->reply;
}

bool
dsn_facts_fate(const struct dsn_facts *f, const struct dsn *n,
    const struct dsn_rcpt *r, struct dsn_fate *fate)
{
	const struct json_t *of = r->n < PART_RCPTS_MAX ? f->of[r->n] : NULL;
	bool is_delivered = of != NULL ? is_verdict(of, VERDICT_DELIVERED)
	                               : is_in_delivered(f, r->n);

	*fate = (struct dsn_fate){ .action = DSN_DELAYED, .status = delayed };
	if (of != NULL)
		take_reply(f, of, fate);
	if (fate->reply.len == 0 && !is_delivered)
		fate->reply = cut(n->reason);
	if (n->kind == NOTICE_DELAY) {
		fate->status = status_of(of, KLASS_TEMP, delayed);
		return true;
	}
	if (!is_delivered) {
		take_failure(f, n, of, fate);
		return (r->wants & DSN_WANTS_FAILURE) != 0;
	}
	fate->action = f->is_final ? DSN_DELIVERED : DSN_RELAYED;
	fate->status = status_of(of, KLASS_OK, done);
	return (r->wants & DSN_WANTS_SUCCESS) != 0;
}
