/* SPDX-License-Identifier: BSD-2-Clause */
/* seg: which records of a segment are live, which are done. */
#include "qmgr/core/core_int.h"

#define SEG_CAP_MIN 8
#define SEG_KEY_BYTES 8

/* Big endian: the order of the keys is that of the numbers. */
static struct key
number_key(uint64_t number, uint8_t bytes[SEG_KEY_BYTES])
{
	for (unsigned i = 0; i < SEG_KEY_BYTES; i++)
		bytes[i] = (uint8_t)(number >> (56 - 8 * i));
	return (struct key){ bytes, SEG_KEY_BYTES };
}

static struct seg *
seg_get(const struct core *core, uint32_t handle)
{
	return handle == 0 ? NULL : slab_get(&core->segs, handle);
}

struct seg *
seg_find(const struct core *core, uint64_t number)
{
	uint8_t bytes[SEG_KEY_BYTES];

	return seg_get(
	    core, index_find(&core->seg_ids, number_key(number, bytes)));
}

struct seg *
seg_add(struct core *core, uint64_t number, uint16_t writer)
{
	uint8_t bytes[SEG_KEY_BYTES];
	struct seg *seg = seg_find(core, number);
	uint32_t handle;

	if (seg != NULL)
		return seg;
	handle = slab_alloc(&core->segs);
	if (handle == 0)
		return NULL;
	if (index_put(&core->seg_ids, number_key(number, bytes), handle) !=
	    ERR_OK) {
		slab_free_item(&core->segs, handle);
		return NULL;
	}
	seg = seg_get(core, handle);
	*seg =
	    (struct seg){ .self = handle, .number = number, .writer = writer };
	return seg;
}

static bool
bits_reserve(struct core *core, struct seg *seg, uint32_t block)
{
	uint32_t bytes = block / 8 + 1;
	uint8_t *done;

	if (bytes <= seg->done_bytes)
		return true;
	if (bytes < seg->done_bytes + seg->done_bytes / 4)
		bytes = seg->done_bytes + seg->done_bytes / 4;
	done = mem_grow(&core->mem, seg->done, seg->done_bytes, bytes);
	if (done == NULL)
		return false;
	seg->done = done;
	seg->done_bytes = bytes;
	return true;
}

/* Moves the entries to the beginning of the array. */
static void
close_gap(struct seg *seg)
{
	if (seg->first == 0)
		return;
	memmove(seg->live, seg->live + seg->first, seg->n * sizeof(*seg->live));
	seg->first = 0;
}

bool
seg_reserve(struct core *core, struct seg *seg, uint32_t n, uint32_t block)
{
	uint32_t cap = seg->cap + seg->cap / 4;
	struct seg_entry *live;

	if (!bits_reserve(core, seg, block))
		return false;
	if (seg->n + n <= seg->cap)
		return true;
	if (cap < seg->n + n)
		cap = seg->n + n;
	if (cap < SEG_CAP_MIN)
		cap = SEG_CAP_MIN;
	live = mem_grow(&core->mem, seg->live, seg->cap * sizeof(*live),
	    cap * sizeof(*live));
	if (live == NULL)
		return false;
	seg->live = live;
	seg->cap = cap;
	return true;
}

static bool
is_below(const struct core *core, const struct seg_entry *entry, uint32_t block,
    uint32_t number)
{
	if (entry->block != block)
		return entry->block < block;
	return number > 0 && part_get(core, entry->part)->number < number;
}

uint32_t
seg_lower(const struct core *core, const struct seg *seg, uint32_t block,
    uint32_t number)
{
	uint32_t low = seg->first, high = seg->first + seg->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (is_below(core, &seg->live[mid], block, number))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
seg_is_live(const struct core *core, const struct seg *seg, uint32_t block)
{
	uint32_t at = seg_lower(core, seg, block, 0);

	return at < seg->first + seg->n && seg->live[at].block == block;
}

uint32_t
seg_part(const struct core *core, const struct seg *seg, uint32_t block,
    uint32_t number)
{
	uint32_t at = seg_lower(core, seg, block, number);
	uint32_t part;

	if (at == seg->first + seg->n || seg->live[at].block != block)
		return 0;
	part = seg->live[at].part;
	return part_get(core, part)->number == number ? part : 0;
}

bool
seg_bit(const struct seg *seg, uint32_t block)
{
	return block / 8 < seg->done_bytes &&
	    (seg->done[block / 8] & 1u << block % 8) != 0;
}

bool
seg_takes_writer(struct seg *seg, uint16_t writer)
{
	if (!seg->has_records)
		seg->writer = writer;
	return seg->writer == writer;
}

/* A message is looked for in the segments of its time. */
static void
widen(struct seg *seg, int64_t ms)
{
	if (!seg->has_records || ms < seg->first_ms)
		seg->first_ms = ms;
	if (!seg->has_records || ms > seg->last_ms)
		seg->last_ms = ms;
	seg->has_records = true;
}

void
seg_insert(struct core *core, struct seg *seg, uint32_t part)
{
	const struct part *p = part_get(core, part);
	uint32_t at;

	BUG_IF(seg->n == seg->cap);
	if (seg->first + seg->n == seg->cap)
		close_gap(seg);
	if (!seg_is_live(core, seg, p->block)) {
		seg->n_records++;
		core->messages++;
		core->messages_admitted++;
	}
	at = seg_lower(core, seg, p->block, p->number);
	memmove(seg->live + at + 1, seg->live + at,
	    (seg->first + seg->n - at) * sizeof(*seg->live));
	seg->live[at] = (struct seg_entry){ p->block, part };
	seg->n++;
	widen(seg, (int64_t)p->qid_ms_high << 32 | p->qid_ms_low);
}

/* Closes the place of the entry at index at, from the shorter side. */
static void
take_out(struct seg *seg, uint32_t at)
{
	uint32_t before = at - seg->first;
	uint32_t behind = seg->n - before - 1;

	if (before < behind) {
		memmove(seg->live + seg->first + 1, seg->live + seg->first,
		    before * sizeof(*seg->live));
		seg->first++;
	} else {
		memmove(seg->live + at, seg->live + at + 1,
		    behind * sizeof(*seg->live));
	}
	seg->n--;
}

bool
seg_remove(
    struct core *core, struct seg *seg, const struct part *p, bool is_done)
{
	uint32_t at = seg_lower(core, seg, p->block, p->number);

	BUG_IF(at == seg->first + seg->n || seg->live[at].block != p->block);
	take_out(seg, at);
	if (seg_is_live(core, seg, p->block))
		return false;
	seg->n_records--;
	core->messages--;
	BUG_IF(p->block / 8 >= seg->done_bytes);
	if (!is_done) {
		core->messages_admitted--;
		return true;
	}
	core->messages_done++;
	seg->done[p->block / 8] |= (uint8_t)(1u << p->block % 8);
	return true;
}

enum err
core_segment_add(struct core *core, uint64_t number, uint16_t writer)
{
	return seg_add(core, number, writer) == NULL ? ERR_FULL : ERR_OK;
}

void
core_segment_sealed(struct core *core, uint64_t number)
{
	struct seg *seg = seg_find(core, number);

	if (seg != NULL)
		seg->is_sealed = true;
}

void
core_segment_forget(struct core *core, uint64_t number)
{
	uint8_t bytes[SEG_KEY_BYTES];
	struct seg *seg = seg_find(core, number);

	if (seg == NULL)
		return;
	/* S4: a segment with a live part must not go. */
	BUG_IF(seg->n > 0);
	(void)index_remove(&core->seg_ids, number_key(number, bytes));
	mem_give(&core->mem, seg->live, seg->cap * sizeof(*seg->live));
	mem_give(&core->mem, seg->done, seg->done_bytes);
	slab_free_item(&core->segs, seg->self);
}

enum core_record
core_record_state(const struct core *core, uint64_t segment, uint32_t block)
{
	const struct seg *seg = seg_find(core, segment);

	if (seg == NULL)
		return CORE_RECORD_UNKNOWN;
	if (seg_is_live(core, seg, block))
		return CORE_RECORD_LIVE;
	return seg_bit(seg, block) ? CORE_RECORD_DONE : CORE_RECORD_UNKNOWN;
}

bool
core_segment_is_done(const struct core *core, uint64_t number)
{
	const struct seg *seg = seg_find(core, number);

	return seg != NULL && seg->is_sealed && seg->n == 0;
}

bool
core_segment_next(
    const struct core *core, uint64_t after, struct core_segment_view *view)
{
	uint8_t bytes[SEG_KEY_BYTES];
	const struct seg *seg = seg_get(
	    core, index_after(&core->seg_ids, number_key(after, bytes)));

	if (seg == NULL)
		return false;
	*view = (struct core_segment_view){ .number = seg->number,
		.writer = seg->writer,
		.is_sealed = seg->is_sealed,
		.live = seg->n,
		.blocks = seg->done_bytes * 8,
		.bits = seg->done };
	return true;
}

uint32_t
core_segment_part(const struct core *core, uint64_t segment, uint32_t block)
{
	const struct seg *seg = seg_find(core, segment);
	uint32_t at;

	if (seg == NULL)
		return 0;
	at = seg_lower(core, seg, block, 0);
	return at == seg->first + seg->n ? 0 : seg->live[at].part;
}
