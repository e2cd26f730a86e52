/* SPDX-License-Identifier: BSD-2-Clause */
/* admit: takes messages in, all parts or nothing (Q6, Q7). */
#include "qmgr/core/core_int.h"

static bool
part_ok(const struct core_admit_part *part)
{
	return part->domain.len > 0 &&
	    part->domain.len <= CORE_NAME_MAX_BYTES && part->n_rcpts > 0 &&
	    part->n_rcpts <= PART_RCPTS_MAX;
}

static bool
is_sound(const struct core_admit *admit)
{
	if (admit->n_parts == 0 || admit->n_parts > UINT16_MAX ||
	    admit->block > CORE_BLOCK_MAX || admit->segment == 0 ||
	    admit->tenant.len > CORE_NAME_MAX_BYTES ||
	    admit->campaign.len > CORE_NAME_MAX_BYTES)
		return false;
	for (uint32_t i = 0; i < admit->n_parts; i++)
		if (!part_ok(&admit->parts[i]))
			return false;
	return true;
}

static bool
reserve(struct core *core, struct seg *seg, const struct core_admit *admit)
{
	uint32_t n = slab_n(&core->parts);

	if (admit->n_parts > core->conf.parts_max - n)
		return false;
	return heap_reserve(&core->due, n + admit->n_parts) == ERR_OK &&
	    seg_reserve(core, seg, admit->n_parts, admit->block);
}

static uint32_t
make_part(struct core *core, struct seg *seg, const struct core_admit *admit,
    uint32_t number)
{
	const struct core_admit_part *part = &admit->parts[number];
	struct queue_key key = { admit->tenant, admit->campaign, part->domain };
	struct part_new new = { .seg = seg,
		.queue = queue_obtain(core, &key),
		.qid = &admit->qid,
		.block = admit->block,
		.number = (uint16_t)number,
		.n_rcpts = part->n_rcpts,
		.is_silent = admit->is_silent,
		.wants_delay = admit->wants_delay && !admit->is_silent };

	return new.queue == NULL ? 0 : part_make(core, &new);
}

/* Numbers below n have been made. */
static void
undo(struct core *core, struct seg *seg, uint32_t block, uint32_t n)
{
	while (n-- > 0)
		part_undo(core, seg_part(core, seg, block, n));
}

enum err
core_admit(struct core *core, const struct core_admit *admit)
{
	struct seg *seg;

	if (!is_sound(admit))
		return ERR_RANGE;
	seg = seg_add(core, admit->segment, qid_writer(&admit->qid));
	if (seg == NULL)
		return ERR_FULL;
	if (seg_is_live(core, seg, admit->block) || seg_bit(seg, admit->block))
		return ERR_EXISTS;
	/* One process writes a segment, and its number is in the qid. */
	if (!seg_takes_writer(seg, qid_writer(&admit->qid)))
		return ERR_RANGE;
	if (!reserve(core, seg, admit))
		return ERR_FULL;
	for (uint32_t i = 0; i < admit->n_parts; i++) {
		if (make_part(core, seg, admit, i) != 0)
			continue;
		undo(core, seg, admit->block, i);
		return ERR_FULL;
	}
	if (core->n_unknown > 0)
		lease_match(core, seg, admit->block);
	return ERR_OK;
}
