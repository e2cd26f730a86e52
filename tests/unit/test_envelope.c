/* SPDX-License-Identifier: BSD-2-Clause */
/* test_envelope: what is put in comes out, and what is malformed does not. */
#include "util/spool/envelope.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"
#include "util/base/le.h"

#define BUF_BYTES 8192

static char big[ENVELOPE_ADDRESS_MAX_BYTES + 1];

struct buf {
	struct outbuf out;
	char bytes[BUF_BYTES];
};

static void
buf_init(struct buf *b)
{
	b->out = (struct outbuf){ b->bytes, 0, sizeof(b->bytes) };
}

static void
put_part(struct buf *b, uint16_t number, uint16_t n, struct str domain)
{
	struct envelope_part part = { number, n, domain };

	ck_assert_int_eq(envelope_put_part(&b->out, &part), ERR_OK);
}

static void
put_rcpt(struct buf *b, uint16_t part, struct str address)
{
	struct envelope_rcpt rcpt = { .part = part, .address = address };

	ck_assert_int_eq(envelope_put_rcpt(&b->out, &rcpt), ERR_OK);
}

static void
put_sender(struct buf *b)
{
	struct envelope_texts texts = { .sender = STR("s@x") };

	ck_assert_int_eq(envelope_put_texts(&b->out, &texts), ERR_OK);
}

/* One field as it may never be written. */
static void
put_raw(struct buf *b, uint8_t type, struct str value)
{
	char head[5] = { (char)type };

	le_put32(head + 1, (uint32_t)value.len);
	outbuf_put(&b->out, (struct str){ head, sizeof(head) });
	outbuf_put(&b->out, value);
}

static enum err
parse(const struct buf *b)
{
	struct envelope env;

	return envelope_parse(&env, outbuf_str(&b->out));
}

static const struct envelope_texts full = {
	.tenant = STR_INIT("acme"),
	.campaign = STR_INIT("spring"),
	.sender = STR_INIT("bounce@acme.test"),
	.client = STR_INIT("[2001:db8::1]:4711"),
	.helo = STR_INIT("mx.acme.test"),
	.auth = STR_INIT("acme-user"),
	.tls = STR_INIT("TLSv1.3 TLS_AES_256_GCM_SHA384"),
	.protocol = STR_INIT("ESMTPSA"),
	.envid = STR_INIT("QQ314159"),
	.ret = RET_HEADERS,
};

/* Two parts, three recipients, everything else once. */
static void
put_full(struct buf *b)
{
	struct envelope_rcpt rcpt = { 0, 0, NOTIFY_SUCCESS | NOTIFY_DELAY,
		STR("a@one.test"), STR("rfc822;A+2Ba@one.test") };
	struct envelope_hash hash = { STR("relaxed/sha256"),
		STR("\0\r\n\xff raw bytes") };

	buf_init(b);
	put_part(b, 0, 2, STR("one.test"));
	put_part(b, 1, 1, STR("two.test"));
	ck_assert_int_eq(envelope_put_texts(&b->out, &full), ERR_OK);
	ck_assert_int_eq(envelope_put_rcpt(&b->out, &rcpt), ERR_OK);
	put_rcpt(b, 0, STR("b@one.test"));
	put_rcpt(b, 1, STR("c@two.test"));
	ck_assert_int_eq(envelope_put_hash(&b->out, &hash), ERR_OK);
}

START_TEST(texts_come_out_as_they_went_in)
{
	struct buf b;
	struct envelope env;

	put_full(&b);
	ck_assert_int_eq(envelope_parse(&env, outbuf_str(&b.out)), ERR_OK);
	ck_assert(str_eq(env.texts.tenant, full.tenant));
	ck_assert(str_eq(env.texts.campaign, full.campaign));
	ck_assert(str_eq(env.texts.sender, full.sender));
	ck_assert(str_eq(env.texts.client, full.client));
	ck_assert(str_eq(env.texts.helo, full.helo));
	ck_assert(str_eq(env.texts.auth, full.auth));
	ck_assert(str_eq(env.texts.tls, full.tls));
	ck_assert(str_eq(env.texts.protocol, full.protocol));
	ck_assert(str_eq(env.texts.envid, full.envid));
	ck_assert_int_eq(env.texts.ret, RET_HEADERS);
	ck_assert_uint_eq(env.n_parts, 2);
	ck_assert_uint_eq(env.n_rcpts, 3);
	ck_assert_uint_eq(env.n_hashes, 1);
}
END_TEST

START_TEST(parts_recipients_and_hashes_come_in_order)
{
	struct buf b;
	struct envelope env;
	struct envelope_iter it;
	struct envelope_part part;
	struct envelope_rcpt rcpt;
	struct envelope_hash hash;

	put_full(&b);
	ck_assert_int_eq(envelope_parse(&env, outbuf_str(&b.out)), ERR_OK);
	envelope_iter_init(&it, &env);
	ck_assert(envelope_next_part(&it, &part));
	ck_assert(part.number == 0 && part.n_rcpts == 2);
	ck_assert(str_eq(part.domain, STR("one.test")));
	ck_assert(envelope_next_part(&it, &part));
	ck_assert(part.number == 1 && part.n_rcpts == 1);
	ck_assert(!envelope_next_part(&it, &part));
	ck_assert(!envelope_next_part(&it, &part));
	envelope_iter_init(&it, &env);
	ck_assert(envelope_next_rcpt(&it, &rcpt));
	ck_assert(rcpt.part == 0 && rcpt.index == 0);
	ck_assert_uint_eq(rcpt.notify, NOTIFY_SUCCESS | NOTIFY_DELAY);
	ck_assert(str_eq(rcpt.address, STR("a@one.test")));
	ck_assert(str_eq(rcpt.orcpt, STR("rfc822;A+2Ba@one.test")));
	ck_assert(envelope_next_rcpt(&it, &rcpt));
	ck_assert(rcpt.part == 0 && rcpt.index == 1 && rcpt.orcpt.len == 0);
	ck_assert(envelope_next_rcpt(&it, &rcpt));
	ck_assert(rcpt.part == 1 && rcpt.index == 0);
	ck_assert(!envelope_next_rcpt(&it, &rcpt));
	envelope_iter_init(&it, &env);
	ck_assert(envelope_next_hash(&it, &hash));
	ck_assert(str_eq(hash.name, STR("relaxed/sha256")));
	ck_assert(str_eq(hash.hash, STR("\0\r\n\xff raw bytes")));
	ck_assert(!envelope_next_hash(&it, &hash));
	ck_assert(envelope_find_part(&env, 1, &part));
	ck_assert(str_eq(part.domain, STR("two.test")));
	ck_assert(!envelope_find_part(&env, 2, &part));
}
END_TEST

/* Each field is whole or gone, so a cut can only be seen by what then lacks:
 * every cut of this envelope lacks something. */
START_TEST(each_cut_is_refused)
{
	struct buf b;
	struct envelope env;
	struct str s;

	buf_init(&b);
	put_part(&b, 0, 1, STR("d.test"));
	put_sender(&b);
	put_rcpt(&b, 0, STR("a@d.test"));
	s = outbuf_str(&b.out);
	ck_assert_int_eq(envelope_parse(&env, s), ERR_OK);
	while (s.len-- > 0)
		ck_assert_int_eq(envelope_parse(&env, s), ERR_SYNTAX);
}
END_TEST

START_TEST(null_sender_is_a_sender)
{
	struct envelope_texts texts = { .sender = { NULL, 0 } };
	struct buf b;

	buf_init(&b);
	put_part(&b, 0, 1, STR("d.test"));
	put_rcpt(&b, 0, STR("a@d.test"));
	ck_assert_int_eq(parse(&b), ERR_SYNTAX);
	ck_assert_int_eq(envelope_put_texts(&b.out, &texts), ERR_OK);
	ck_assert_int_eq(parse(&b), ERR_OK);
}
END_TEST

START_TEST(unknown_fields_are_passed_over)
{
	struct buf b;

	buf_init(&b);
	put_part(&b, 0, 1, STR("d.test"));
	put_raw(&b, 200, STR("later"));
	put_sender(&b);
	put_raw(&b, 0, STR(""));
	put_rcpt(&b, 0, STR("a@d.test"));
	put_raw(&b, 14, STR("\r\n"));
	ck_assert_int_eq(parse(&b), ERR_OK);
}
END_TEST

/* Parts and recipients that do not fit together. 'P' a part, 'R' a recipient,
 * 'S' the sender; digits: part number, and for P its recipients. */
static const struct {
	const char *fields;
	enum err want;
} orders[] = {
	{ "P01 S R0", ERR_OK },
	{ "P02 P11 S R0 R0 R1", ERR_OK },
	{ "P01 R0 S", ERR_OK },
	{ "S P01 R0", ERR_SYNTAX },
	{ "S", ERR_SYNTAX },
	{ "P01 S", ERR_SYNTAX },
	{ "P01 S R0 R0", ERR_SYNTAX },
	{ "P02 S R0", ERR_SYNTAX },
	{ "P01 S R1", ERR_SYNTAX },
	{ "P11 S R1", ERR_SYNTAX },
	{ "P01 P01 S R0 R0", ERR_SYNTAX },
	{ "P01 P21 S R0 R2", ERR_SYNTAX },
	{ "P01 P11 S R1 R0", ERR_SYNTAX },
	{ "P01 P11 S R0", ERR_SYNTAX },
	{ "P02 P11 S R0 R1 R0", ERR_SYNTAX },
	{ "P01 S R0 P11 R1", ERR_SYNTAX },
	{ "P00 S", ERR_SYNTAX },
	{ "P01 S S R0", ERR_SYNTAX },
	{ "P01 R0", ERR_SYNTAX },
};

static void
put_order(struct buf *b, const char *p)
{
	char part[5] = { 0, 0, 0, 0, 'd' };
	char rcpt[7] = { 0, 0, 0, 0, 1, 0, 'a' };

	for (; *p != '\0'; p++) {
		if (*p == 'S')
			put_sender(b);
		if (*p == 'R') {
			rcpt[0] = (char)(*++p - '0');
			put_raw(b, 5, (struct str){ rcpt, sizeof(rcpt) });
		} else if (*p == 'P') {
			part[0] = (char)(*++p - '0');
			part[2] = (char)(*++p - '0');
			put_raw(b, 1, (struct str){ part, sizeof(part) });
		}
	}
}

START_TEST(parts_and_recipients_must_agree)
{
	struct buf b;

	buf_init(&b);
	put_order(&b, orders[_i].fields);
	ck_assert_int_eq(parse(&b), orders[_i].want);
}
END_TEST

/* Fields that break their own form, behind a good beginning. */
static const struct {
	uint8_t type;
	struct str value;
} bad[] = {
	{ 1, STR_INIT("\1\0\1\0") },          /* no domain */
	{ 1, STR_INIT("\1\0\1") },            /* short */
	{ 5, STR_INIT("\0\0\0\0\0\0") },      /* no address */
	{ 5, STR_INIT("\0\0\0\0\2\0a") },     /* address beyond the end */
	{ 5, STR_INIT("\0\0\x10\0\1\0a") },   /* notify bits */
	{ 5, STR_INIT("\0\0\0\0\1\0a\r\n") }, /* CR LF in the original */
	{ 2, STR_INIT("a\0b") },              /* NUL */
	{ 7, STR_INIT("a\nb") },              /* LF */
	{ 12, STR_INIT("") },                 /* no RET */
	{ 12, STR_INIT("\0") },               /* RET of none */
	{ 12, STR_INIT("\3") },               /* RET out of range */
	{ 12, STR_INIT("\1\1") },             /* long RET */
	{ 13, STR_INIT("") },                 /* no name length */
	{ 13, STR_INIT("\0h") },              /* no name */
	{ 13, STR_INIT("\3ab") },             /* name beyond the end */
};

START_TEST(malformed_fields_are_refused)
{
	struct buf b;

	buf_init(&b);
	put_part(&b, 0, 1, STR("d.test"));
	put_sender(&b);
	put_raw(&b, bad[_i].type, bad[_i].value);
	put_rcpt(&b, 0, STR("a@d.test"));
	ck_assert_int_eq(parse(&b), ERR_SYNTAX);
}
END_TEST

START_TEST(a_part_has_at_most_256_recipients)
{
	struct buf b;

	buf_init(&b);
	put_part(&b, 0, PART_RCPTS_MAX, STR("d"));
	put_sender(&b);
	for (int i = 0; i < PART_RCPTS_MAX; i++)
		put_rcpt(&b, 0, STR("a@d"));
	ck_assert_int_eq(parse(&b), ERR_OK);
	/* The same with a count that is one above the bound. */
	le_put16(b.bytes + 7, PART_RCPTS_MAX + 1);
	put_rcpt(&b, 0, STR("a@d"));
	ck_assert_int_eq(parse(&b), ERR_SYNTAX);
}
END_TEST

START_TEST(bounds_hold_when_building)
{
	struct buf b;
	struct str most = { big, ENVELOPE_ADDRESS_MAX_BYTES };
	struct str more = { big, ENVELOPE_ADDRESS_MAX_BYTES + 1 };
	struct envelope_part part = { 0, 1, { big, 255 } };
	struct envelope_rcpt rcpt = { .address = most, .orcpt = most };
	struct envelope_texts texts = { .sender = more };

	buf_init(&b);
	memset(big, 'a', sizeof(big));
	ck_assert_int_eq(envelope_put_part(&b.out, &part), ERR_OK);
	ck_assert_int_eq(envelope_put_rcpt(&b.out, &rcpt), ERR_OK);
	ck_assert_int_eq(envelope_put_texts(&b.out, &texts), ERR_RANGE);
	texts.sender = most;
	ck_assert_int_eq(envelope_put_texts(&b.out, &texts), ERR_OK);
	ck_assert_int_eq(parse(&b), ERR_OK);
	part.domain.len++;
	ck_assert_int_eq(envelope_put_part(&b.out, &part), ERR_RANGE);
	part = (struct envelope_part){ 0, 0, STR("d") };
	ck_assert_int_eq(envelope_put_part(&b.out, &part), ERR_RANGE);
	part.n_rcpts = PART_RCPTS_MAX + 1;
	ck_assert_int_eq(envelope_put_part(&b.out, &part), ERR_RANGE);
	part = (struct envelope_part){ ENVELOPE_PARTS_MAX, 1, STR("d") };
	ck_assert_int_eq(envelope_put_part(&b.out, &part), ERR_RANGE);
	rcpt.orcpt = more;
	ck_assert_int_eq(envelope_put_rcpt(&b.out, &rcpt), ERR_RANGE);
	rcpt = (struct envelope_rcpt){ .address = STR("a"), .notify = 16 };
	ck_assert_int_eq(envelope_put_rcpt(&b.out, &rcpt), ERR_RANGE);
	rcpt = (struct envelope_rcpt){ .address = STR("a\r\nDATA") };
	ck_assert_int_eq(envelope_put_rcpt(&b.out, &rcpt), ERR_SYNTAX);
}
END_TEST

START_TEST(no_room_leaves_the_buffer_as_it_was)
{
	struct envelope_part part = { 0, 1, STR("d") };
	struct envelope_rcpt rcpt = { .address = STR("a"), .orcpt = STR("b") };
	struct envelope_hash hash = { STR("n"), STR("h") };
	char bytes[64];
	struct outbuf out = { bytes, 0, 9 };

	ck_assert_int_eq(envelope_put_part(&out, &part), ERR_FULL);
	ck_assert_uint_eq(out.len, 0);
	out.cap = 10;
	ck_assert_int_eq(envelope_put_part(&out, &part), ERR_OK);
	out = (struct outbuf){ bytes, 0, 12 };
	ck_assert_int_eq(envelope_put_rcpt(&out, &rcpt), ERR_FULL);
	out.cap = 13;
	ck_assert_int_eq(envelope_put_rcpt(&out, &rcpt), ERR_OK);
	out = (struct outbuf){ bytes, 0, 7 };
	ck_assert_int_eq(envelope_put_hash(&out, &hash), ERR_FULL);
	out.cap = 8;
	ck_assert_int_eq(envelope_put_hash(&out, &hash), ERR_OK);
	out = (struct outbuf){ bytes, 0, 30 };
	ck_assert_int_eq(envelope_put_texts(&out, &full), ERR_FULL);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("envelope");
	TCase *tc = tcase_create("envelope");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, texts_come_out_as_they_went_in);
	tcase_add_test(tc, parts_recipients_and_hashes_come_in_order);
	tcase_add_test(tc, each_cut_is_refused);
	tcase_add_test(tc, null_sender_is_a_sender);
	tcase_add_test(tc, unknown_fields_are_passed_over);
	tcase_add_loop_test(
	    tc, parts_and_recipients_must_agree, 0, (int)COUNT_OF(orders));
	tcase_add_loop_test(
	    tc, malformed_fields_are_refused, 0, (int)COUNT_OF(bad));
	tcase_add_test(tc, a_part_has_at_most_256_recipients);
	tcase_add_test(tc, bounds_hold_when_building);
	tcase_add_test(tc, no_room_leaves_the_buffer_as_it_was);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
