/* SPDX-License-Identifier: BSD-2-Clause */
/* test_entry: every kind of entry, there and back, cut and changed. */
#include "util/spool/entry.h"

#include <stdlib.h>

#include <check.h>

#include "tests/lib/ledger.h"
#include "tests/lib/split.h"
#include "util/base/array.h"
#include "util/base/le.h"

static struct ledger_space space;
static char long_text[ENTRY_TEXT_MAX_BYTES + 1];

static void
set_up(void)
{
	ledger_space_init(&space, 1);
	memset(long_text, 't', sizeof(long_text));
}

/* The first entry of the batch. */
static struct ledger_entry
take(void)
{
	struct str s =
	    str_tail(outbuf_str(&space.batch.out), LEDGER_BATCH_HEAD_BYTES);
	struct ledger_entry entry;

	ck_assert(ledger_entry_next(&s, &entry));
	return entry;
}

static enum err
put_parts(const struct part_state *states, size_t n, uint32_t blocks)
{
	struct entry_parts parts = { states, n, blocks };

	return entry_put_parts(
	    &space.batch, &ledger_stamp, &parts, STR("facts"));
}

static void
assert_same(const struct part_state *a, const struct part_state *b)
{
	ck_assert_int_eq(qid_cmp(&a->qid, &b->qid), 0);
	ck_assert_uint_eq(a->segment, b->segment);
	ck_assert_uint_eq(a->block, b->block);
	ck_assert_uint_eq(a->part, b->part);
	ck_assert_uint_eq(a->n_rcpts, b->n_rcpts);
	ck_assert_uint_eq(a->state, b->state);
	ck_assert_uint_eq(a->cause, b->cause);
	ck_assert_uint_eq(a->deaths, b->deaths);
	ck_assert_uint_eq(a->throttles, b->throttles);
	ck_assert_uint_eq(a->is_silent, b->is_silent);
	ck_assert_uint_eq(a->wants_delay, b->wants_delay);
	ck_assert_uint_eq(a->facts_file, b->facts_file);
	ck_assert_uint_eq(a->facts_offset, b->facts_offset);
	ck_assert_uint_eq(a->tries, b->tries);
	ck_assert_uint_eq(a->last_code, b->last_code);
	ck_assert_int_eq(a->due_ms, b->due_ms);
	ck_assert_int_eq(a->first_try_ms, b->first_try_ms);
	ck_assert_int_eq(a->last_try_ms, b->last_try_ms);
	ck_assert_uint_eq(a->lease, b->lease);
	ck_assert_uint_eq(a->order, b->order);
	ck_assert(str_eq(a->key.tenant, b->key.tenant));
	ck_assert(str_eq(a->key.campaign, b->key.campaign));
	ck_assert(str_eq(a->key.domain, b->key.domain));
	ck_assert_mem_eq(a->standing, b->standing, PART_STANDING_BYTES);
}

/* What comes out is what was put in; n parts. */
static void
check_back(const struct part_state *states, size_t n, uint32_t blocks)
{
	struct ledger_entry entry;
	struct entry_part p;
	struct part_state state;

	ck_assert_int_eq(put_parts(states, n, blocks), ERR_OK);
	entry = take();
	ck_assert(str_eq(entry.facts, STR("facts")));
	ck_assert_int_eq(entry_parse_part(&p, &entry), ERR_OK);
	ck_assert_uint_eq(p.n, n);
	ck_assert_uint_eq(p.blocks, blocks);
	ck_assert_int_eq(qid_cmp(&p.common.qid, &states[0].qid), 0);
	for (size_t i = 0; i < n; i++) {
		ck_assert(entry_next_part(&p, &state));
		assert_same(&state, &states[i]);
	}
	ck_assert(!entry_next_part(&p, &state));
}

/* --- PART ----------------------------------------------------------------- */

START_TEST(a_result_is_small_and_reads_back)
{
	struct part_state state = ledger_done_part(3);

	check_back(&state, 1, 0);
	ck_assert_uint_le(take().payload.len + LEDGER_ENTRY_HEAD_BYTES, 100);
}
END_TEST

START_TEST(an_admission_has_keys_and_blocks)
{
	struct part_state states[3];

	for (uint16_t i = 0; i < 3; i++)
		states[i] = (struct part_state){
			.qid = { { 9 } },
			.segment = 1,
			.block = 2,
			.part = i,
			.n_rcpts = (uint16_t)(i + 1),
			.state = PART_READY,
			.key = { STR("acme"), STR("spring"),
			    i == 1 ? STR("two.test") : STR("one.test") },
		};
	check_back(states, 3, 12);
}
END_TEST

/* Every optional field there or not, and standings of any kind. */
START_TEST(each_combination_of_fields_reads_back)
{
	uint64_t seed = 99;
	struct part_state state;

	for (unsigned i = 0; i < 2000; i++) {
		state = ledger_done_part((uint8_t)i);
		state.due_ms = i & 1 ? 5 : 0;
		state.first_try_ms = i & 2 ? 6 : 0;
		state.last_try_ms = i & 4 ? 7 : 0;
		state.lease = i & 8 ? UINT64_MAX : 0;
		state.deaths = i & 16 ? 255 : 0;
		state.throttles = i & 32 ? 1 : 0;
		state.is_silent = i & 64 ? 1 : 0;
		state.wants_delay = i & 1024 ? 1 : 0;
		state.facts_file = i % 3 == 0 ? UINT64_MAX : 0;
		state.facts_offset = i % 3 == 0 ? i : 0;
		state.key.domain = i & 128 ? STR("d") : STR("");
		state.order = i & 1024 ? UINT64_MAX - 1 : 0;
		state.tries = (uint16_t)split_draw(&seed);
		state.last_code = (uint16_t)split_draw(&seed);
		state.n_rcpts =
		    (uint16_t)(1 + split_draw(&seed) % PART_RCPTS_MAX);
		for (unsigned k = 0; k < state.n_rcpts; k++)
			part_standing_set(state.standing, k,
			    (enum rcpt_standing)(
			        i & 256 ? split_draw(&seed) % 4 : i % 4));
		ledger_space_init(&space, i);
		check_back(&state, 1, i & 512 ? i : 0);
	}
}
END_TEST

START_TEST(standings_behind_the_last_recipient_are_forgotten)
{
	struct part_state state = ledger_done_part(1);
	struct ledger_entry entry;
	struct entry_part p;

	state.n_rcpts = 2;
	state.standing[0] = 0xf1; /* 1, 0; and 3, 3 of nobody */
	state.standing[9] = 0xff;
	ck_assert_int_eq(put_parts(&state, 1, 0), ERR_OK);
	entry = take();
	ck_assert_int_eq(entry_parse_part(&p, &entry), ERR_OK);
	ck_assert(entry_next_part(&p, &state));
	ck_assert_uint_eq(state.standing[0], 1);
	ck_assert_uint_eq(state.standing[9], 0);
}
END_TEST

/* One thing wrong with the second of two parts. */
START_TEST(states_out_of_bounds_are_not_written)
{
	static char name[256];
	struct part_state s[2] = { ledger_done_part(1), ledger_done_part(1) };

	memset(name, 'n', sizeof(name));
	for (int i = 0; i < 2; i++)
		s[i].key = (struct queue_key){ { NULL, 0 }, { NULL, 0 },
			{ name, 255 } };
	ck_assert_int_eq(put_parts(s, 2, 0), ERR_OK);
	switch (_i) {
	case 0:
		s[1].n_rcpts = 0;
		break;
	case 1:
		s[1].n_rcpts = PART_RCPTS_MAX + 1;
		break;
	case 2:
		s[1].state = PART_STATE_N;
		break;
	case 3:
		s[1].cause = PART_CAUSE_N;
		break;
	case 4:
		s[1].due_ms = -1;
		break;
	case 5:
		s[1].key.domain.len = 256;
		break;
	case 6:
		s[1].key.domain.len = 0;
		break;
	case 7:
		s[1].qid.b[0] ^= 1;
		break;
	case 8:
		s[1].segment++;
		break;
	case 9:
		s[1].block++;
		break;
	case 10:
		s[1].key.tenant = STR("other");
		break;
	case 11:
		s[0].key.campaign = (struct str){ name, 256 };
		s[1].key.campaign = s[0].key.campaign;
		break;
	}
	ck_assert_int_eq(put_parts(s, 2, 0), ERR_RANGE);
	ck_assert_int_eq(put_parts(s, 0, 0), ERR_RANGE);
	ck_assert_uint_eq(space.batch.count, 1);
}
END_TEST

START_TEST(a_full_batch_is_left_as_it_was)
{
	struct part_state state = ledger_done_part(1);
	size_t len;
	uint32_t count;

	while (put_parts(&state, 1, 0) == ERR_OK)
		continue;
	len = space.batch.out.len;
	count = space.batch.count;
	ck_assert_int_eq(put_parts(&state, 1, 0), ERR_FULL);
	ck_assert_uint_eq(space.batch.out.len, len);
	ck_assert_uint_eq(space.batch.count, count);
	ck_assert_uint_gt(count, 50);
}
END_TEST

/* --- all kinds: cut and changed ------------------------------------------- */

static const struct order policy = { .number = 1,
	.at_ms = 2,
	.covers_ms = 3,
	.until_ms = 4,
	.parts = 5,
	.lease = 8,
	.uid = 6,
	.kind = ORDER_SUSPEND,
	.stage = ORDER_BEGUN,
	.match = { { { 7 } }, STR_INIT("*@example.test"), STR_INIT("acme"),
	    STR_INIT("spring"), STR_INIT("example.test") },
	.by = STR_INIT("root"),
	.why = STR_INIT("asked to"),
	.target = STR_INIT("there") };
static const struct entry_note note = { { { 1, 2, 3 } }, 4, NOTE_RECOVERED,
	STR_INIT("after 5m") };
static const struct entry_segment live = { 1, 2, 3, SEGMENT_LIVE, 12,
	STR_INIT("\xff\x0f") };
static const struct entry_segment sealed = {
	.number = 1, .created_ms = 2, .writer = 3, .what = SEGMENT_SEALED
};
static const struct entry_audit audit = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
	13 };
static const struct entry_mark mark = { true, { 1, 512 }, { 2, 1024 } };

static void
put_kind(int kind)
{
	struct part_state state = ledger_done_part(1);
	enum err err = ERR_OK;

	if (kind == ENTRY_PART)
		err = put_parts(&state, 1, 0);
	else if (kind == ENTRY_POLICY)
		err = entry_put_policy(
		    &space.batch, &ledger_stamp, &policy, STR("f"));
	else if (kind == ENTRY_NOTE)
		err = entry_put_note(
		    &space.batch, &ledger_stamp, &note, STR("f"));
	else if (kind == ENTRY_SEGMENT)
		err = entry_put_segment(&space.batch, &ledger_stamp, &live);
	else if (kind == ENTRY_AUDIT)
		entry_put_audit(&space.batch, &ledger_stamp, &audit);
	else
		err = entry_put_mark(&space.batch, &ledger_stamp, &mark);
	ck_assert_int_eq(err, ERR_OK);
}

static enum err
parse_kind(int kind, const struct ledger_entry *entry)
{
	struct entry_part part;
	struct order pol;
	struct entry_note not ;
	struct entry_segment seg;
	struct entry_audit aud;
	struct entry_mark mar;

	if (kind == ENTRY_PART)
		return entry_parse_part(&part, entry);
	if (kind == ENTRY_POLICY)
		return entry_parse_policy(&pol, entry);
	if (kind == ENTRY_NOTE)
		return entry_parse_note(&not, entry);
	if (kind == ENTRY_SEGMENT)
		return entry_parse_segment(&seg, entry);
	if (kind == ENTRY_AUDIT)
		return entry_parse_audit(&aud, entry);
	return entry_parse_mark(&mar, entry);
}

START_TEST(each_cut_and_each_byte_more_is_refused)
{
	struct ledger_entry entry;
	size_t len;

	put_kind(_i);
	entry = take();
	len = entry.payload.len;
	ck_assert_int_eq(parse_kind(_i, &entry), ERR_OK);
	entry.payload.len = len + 1;
	ck_assert_int_eq(parse_kind(_i, &entry), ERR_SYNTAX);
	entry.payload.len = len;
	while (entry.payload.len-- > 0)
		ck_assert_int_eq(parse_kind(_i, &entry), ERR_SYNTAX);
}
END_TEST

START_TEST(other_types_and_versions_are_refused)
{
	struct ledger_entry entry;

	put_kind(_i);
	entry = take();
	ck_assert_int_eq(entry.type, _i);
	entry.version = 2;
	ck_assert_int_eq(parse_kind(_i, &entry), ERR_RANGE);
	entry.version = 0;
	ck_assert_int_eq(parse_kind(_i, &entry), ERR_SYNTAX);
	entry.version = 1;
	entry.type++;
	ck_assert_int_eq(parse_kind(_i, &entry), ERR_SYNTAX);
}
END_TEST

/* With bytes changed at will, what is taken is in bounds. */
START_TEST(changed_bytes_never_give_a_part_out_of_bounds)
{
	struct part_state states[2] = { ledger_done_part(1),
		ledger_done_part(1) };
	struct part_state state;
	uint64_t seed = 4711;
	struct ledger_entry entry;
	struct entry_part p;
	char copy[256];
	size_t n, at;

	states[1].n_rcpts = 9;
	states[1].standing[1] = 0x1b;
	states[0].key.domain = STR("one.test");
	states[1].key.domain = STR("two.test");
	ck_assert_int_eq(put_parts(states, 2, 4), ERR_OK);
	entry = take();
	ck_assert_uint_le(entry.payload.len, sizeof(copy));
	for (int i = 0; i < 5000; i++) {
		memcpy(copy, take().payload.ptr, entry.payload.len);
		entry.payload.ptr = copy;
		for (n = 1 + split_draw(&seed) % 3; n > 0; n--) {
			at = split_draw(&seed) % entry.payload.len;
			copy[at] = (char)split_draw(&seed);
		}
		if (entry_parse_part(&p, &entry) != ERR_OK)
			continue;
		for (n = 0; entry_next_part(&p, &state); n++) {
			ck_assert_uint_le(state.n_rcpts, PART_RCPTS_MAX);
			ck_assert_uint_gt(state.n_rcpts, 0);
			ck_assert_uint_lt(state.state, PART_STATE_N);
			ck_assert_uint_lt(state.cause, PART_CAUSE_N);
			ck_assert_int_ge(state.due_ms, 0);
		}
		ck_assert_uint_eq(n, p.n);
	}
}
END_TEST

/* --- the others ----------------------------------------------------------- */

START_TEST(a_policy_reads_back_and_has_bounds)
{
	struct order p = policy;
	struct order out;
	struct ledger_entry entry;

	p.why = (struct str){ long_text, ENTRY_TEXT_MAX_BYTES };
	ck_assert_int_eq(
	    entry_put_policy(&space.batch, &ledger_stamp, &p, STR("")), ERR_OK);
	entry = take();
	ck_assert_int_eq(entry_parse_policy(&out, &entry), ERR_OK);
	ck_assert_uint_eq(out.number, 1);
	ck_assert_int_eq(out.at_ms, 2);
	ck_assert_int_eq(out.covers_ms, 3);
	ck_assert_int_eq(out.until_ms, 4);
	ck_assert_uint_eq(out.parts, 5);
	ck_assert_uint_eq(out.lease, 8);
	ck_assert_uint_eq(out.uid, 6);
	ck_assert_uint_eq(out.kind, ORDER_SUSPEND);
	ck_assert_uint_eq(out.stage, ORDER_BEGUN);
	ck_assert(order_match_eq(&out.match, &p.match));
	ck_assert(str_eq(out.by, p.by));
	ck_assert(str_eq(out.why, p.why));
	ck_assert(str_eq(out.target, p.target));
	p.why.len++;
	ck_assert_int_eq(
	    entry_put_policy(&space.batch, &ledger_stamp, &p, STR("")),
	    ERR_RANGE);
}
END_TEST

START_TEST(a_policy_of_a_stray_kind_or_stage_is_refused)
{
	/* Behind number, times, parts, lease and uid. */
	const size_t at_kind = 6 * 8 + 4;
	char *bytes;
	struct order p = policy;
	struct ledger_entry entry;

	p.kind = ORDER_KIND_N;
	ck_assert_int_eq(
	    entry_put_policy(&space.batch, &ledger_stamp, &p, STR("")),
	    ERR_RANGE);
	put_kind(ENTRY_POLICY);
	entry = take();
	bytes = (char *)(uintptr_t)entry.payload.ptr;
	bytes[at_kind] = ORDER_KIND_N;
	ck_assert_int_eq(entry_parse_policy(&p, &entry), ERR_SYNTAX);
	bytes[at_kind] = ORDER_RESUME;
	ck_assert_int_eq(entry_parse_policy(&p, &entry), ERR_OK);
	bytes[at_kind + 1] = ORDER_STAGE_N;
	ck_assert_int_eq(entry_parse_policy(&p, &entry), ERR_SYNTAX);
	bytes[at_kind + 1] = 0;
	ck_assert_int_eq(entry_parse_policy(&p, &entry), ERR_SYNTAX);
}
END_TEST

START_TEST(a_note_reads_back_and_has_bounds)
{
	struct entry_note n = note;
	struct entry_note out;
	struct ledger_entry entry;

	put_kind(ENTRY_NOTE);
	entry = take();
	ck_assert_int_eq(entry_parse_note(&out, &entry), ERR_OK);
	ck_assert_int_eq(qid_cmp(&out.qid, &note.qid), 0);
	ck_assert_uint_eq(out.part, 4);
	ck_assert_uint_eq(out.kind, NOTE_RECOVERED);
	ck_assert(str_eq(out.text, note.text));
	ck_assert(str_eq(entry.facts, STR("f")));
	n.kind = 0;
	ck_assert_int_eq(
	    entry_put_note(&space.batch, &ledger_stamp, &n, STR("")),
	    ERR_RANGE);
	n = note;
	n.text = (struct str){ long_text, ENTRY_TEXT_MAX_BYTES + 1 };
	ck_assert_int_eq(
	    entry_put_note(&space.batch, &ledger_stamp, &n, STR("")),
	    ERR_RANGE);
}
END_TEST

START_TEST(a_segment_reads_back_and_has_bounds)
{
	struct entry_segment s = live;
	struct entry_segment out;
	struct ledger_entry entry;

	put_kind(ENTRY_SEGMENT);
	entry = take();
	ck_assert_int_eq(entry_parse_segment(&out, &entry), ERR_OK);
	ck_assert_uint_eq(out.number, 1);
	ck_assert_int_eq(out.created_ms, 2);
	ck_assert_uint_eq(out.writer, 3);
	ck_assert_uint_eq(out.what, SEGMENT_LIVE);
	ck_assert_uint_eq(out.blocks, 12);
	ck_assert(str_eq(out.done, live.done));
	s.blocks = 17;
	ck_assert_int_eq(
	    entry_put_segment(&space.batch, &ledger_stamp, &s), ERR_RANGE);
	s = live;
	s.what = SEGMENT_SEEN;
	ck_assert_int_eq(
	    entry_put_segment(&space.batch, &ledger_stamp, &s), ERR_RANGE);
	ledger_space_init(&space, 1);
	ck_assert_int_eq(
	    entry_put_segment(&space.batch, &ledger_stamp, &sealed), ERR_OK);
	entry = take();
	ck_assert_int_eq(entry_parse_segment(&out, &entry), ERR_OK);
	ck_assert_uint_eq(out.what, SEGMENT_SEALED);
	ck_assert_uint_eq(out.blocks, 0);
}
END_TEST

START_TEST(an_audit_reads_back)
{
	struct entry_audit out;
	struct ledger_entry entry;

	put_kind(ENTRY_AUDIT);
	entry = take();
	ck_assert_uint_eq(
	    entry.payload.len + LEDGER_ENTRY_HEAD_BYTES, ENTRY_AUDIT_BYTES);
	ck_assert_int_eq(entry_parse_audit(&out, &entry), ERR_OK);
	ck_assert_mem_eq(&out, &audit, sizeof(out));
}
END_TEST

START_TEST(a_mark_reads_back)
{
	struct entry_mark out;
	struct ledger_entry entry;

	put_kind(ENTRY_MARK);
	entry = take();
	ck_assert_int_eq(entry_parse_mark(&out, &entry), ERR_OK);
	ck_assert(out.is_end);
	ck_assert_int_eq(ledger_pos_cmp(out.begin, mark.begin), 0);
	ck_assert_int_eq(ledger_pos_cmp(out.end, mark.end), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("entry");
	TCase *tc = tcase_create("entry");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, a_result_is_small_and_reads_back);
	tcase_add_test(tc, an_admission_has_keys_and_blocks);
	tcase_add_test(tc, each_combination_of_fields_reads_back);
	tcase_add_test(tc, standings_behind_the_last_recipient_are_forgotten);
	tcase_add_loop_test(tc, states_out_of_bounds_are_not_written, 0, 12);
	tcase_add_test(tc, a_full_batch_is_left_as_it_was);
	tcase_add_loop_test(tc, each_cut_and_each_byte_more_is_refused,
	    ENTRY_PART, ENTRY_TYPE_N);
	tcase_add_loop_test(
	    tc, other_types_and_versions_are_refused, ENTRY_PART, ENTRY_TYPE_N);
	tcase_add_test(tc, changed_bytes_never_give_a_part_out_of_bounds);
	tcase_add_test(tc, a_policy_reads_back_and_has_bounds);
	tcase_add_test(tc, a_policy_of_a_stray_kind_or_stage_is_refused);
	tcase_add_test(tc, a_note_reads_back_and_has_bounds);
	tcase_add_test(tc, a_segment_reads_back_and_has_bounds);
	tcase_add_test(tc, an_audit_reads_back);
	tcase_add_test(tc, a_mark_reads_back);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
