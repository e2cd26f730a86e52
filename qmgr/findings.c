/* SPDX-License-Identifier: BSD-2-Clause */
/* findings: what follows for parts when their record is missing, damaged, or
 * back. */
#include "qmgr/core/view.h"
#include "qmgr/store_int.h"
#include "util/log/log.h"

/*
 * A part whose record is not there, or malformed, is held by the core, with
 * the cause: it stays in the queue, is told once, and is known over restarts.
 * One on lease is left alone: whoever has it may have opened the file before,
 * and the next pass comes by again.
 */

/* All parts of the record that part is the first of. True: some are held now,
 * and were not before. */
static bool
hold_record(struct store *st, struct findings_range *range, uint32_t part,
    const struct part_state *state)
{
	bool is_news = false;

	for (; part != 0; part = core_find(st->conf.core, &state->qid, part)) {
		if (range->left == 0) {
			range->is_cut = true;
			break;
		}
		if (!st->conf.lost(st->conf.arg, part, range->cause))
			continue;
		range->left--;
		is_news = true;
	}
	range->is_news = range->is_news || is_news;
	return is_news;
}

static void
tell_missing(const struct part_state *state)
{
	LOG(EV_RECORD_MISSING, KV_QID("qid", &state->qid),
	    KV_HEX("segment", state->segment),
	    KV_NUM("offset", (uint64_t)state->block * SEGMENT_BLOCK_BYTES),
	    KV_CSTR("msg",
	        "it is held; put its segment back into spool/deferred, or "
	        "cancel it"));
}

uint32_t
findings_lost(struct store *st, struct findings_range *range)
{
	const struct core *core = st->conf.core;
	struct part_state state;
	uint32_t from = range->from;
	uint32_t n = 0;

	for (; from < range->to; from = state.block + 1, n++) {
		uint32_t part = core_segment_part(core, range->segment, from);

		if (part == 0 || !core_part_get(core, part, &state) ||
		    state.block >= range->to)
			break;
		if (range->left > 0 && hold_record(st, range, part, &state) &&
		    range->cause == CAUSE_MISSING)
			tell_missing(&state);
	}
	return n;
}

bool
findings_there(
    struct store *st, uint64_t segment, uint32_t block, bool is_proof)
{
	const struct core *core = st->conf.core;
	uint32_t part = core_segment_part(core, segment, block);
	struct part_state state;
	bool was_missing = false;

	if (part == 0 || !core_part_get(core, part, &state) ||
	    state.block != block)
		return false;
	for (; part != 0; part = core_find(core, &state.qid, part)) {
		if (!core_part_is_missing(core, part))
			continue;
		was_missing = true;
		if (!is_proof)
			return true;
		st->conf.back(st->conf.arg, part);
	}
	if (was_missing)
		LOG(EV_RECORD_BACK, KV_QID("qid", &state.qid),
		    KV_HEX("segment", segment),
		    KV_NUM("offset", (uint64_t)block * SEGMENT_BLOCK_BYTES));
	return was_missing;
}
