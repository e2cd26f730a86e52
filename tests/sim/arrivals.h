/* SPDX-License-Identifier: BSD-2-Clause */
/* arrivals: simulated messages come, are announced or found, and go. */
#ifndef TESTS_SIM_ARRIVALS_H
#define TESTS_SIM_ARRIVALS_H

#include "tests/sim/turns.h"

static struct qid
next_qid(uint32_t writer)
{
	uint32_t i = sim.n_msgs;
	int64_t ms = sim.wall_ms;
	struct qid q = { { 0 } };

	if (ms < sim.last_qid_ms[writer])
		ms = sim.last_qid_ms[writer];
	sim.last_qid_ms[writer] = ms;
	for (int k = 0; k < 6; k++)
		q.b[k] = (uint8_t)(ms >> (40 - 8 * k));
	q.b[7] = (uint8_t)(writer + 1);
	for (int k = 0; k < 4; k++)
		q.b[12 + k] = (uint8_t)(i >> (24 - 8 * k));
	return q;
}

static void
seal(uint32_t seg)
{
	sim.segs[seg].is_sealed = true;
	if (!sim_chance(100000))
		core_segment_sealed(sim.core, sim.segs[seg].number);
}

static struct sim_segment *
segment_of(uint32_t writer)
{
	struct sim_segment *s = &sim.segs[sim.open_seg[writer]];

	if (sim.n_segs > 0 && s->number != 0 && s->writer == writer + 1 &&
	    s->n_records < SIM_SEGMENT_RECORDS)
		return s;
	if (s->number != 0 && s->writer == writer + 1)
		seal(sim.open_seg[writer]);
	SIM_REQUIRE(sim.n_segs < sim.max_segs, "too many segments");
	sim.open_seg[writer] = sim.n_segs;
	s = &sim.segs[sim.n_segs++];
	*s = (struct sim_segment){ .number = sim.n_segs * 16 + 1,
		.writer = (uint16_t)(writer + 1) };
	return s;
}

static void
fill_parts(struct sim_msg *m)
{
	m->n_parts =
	    (uint8_t)(sim_chance(800000) ? 1 : 1 + sim_below(SIM_PARTS));
	for (uint32_t i = 0; i < m->n_parts; i++) {
		struct sim_part *p = &m->parts[i];

		p->domain = (uint16_t)sim_below(SIM_DOMAINS);
		p->n_rcpts =
		    (uint8_t)(sim_chance(700000) ? 1
		                                 : 1 + sim_below(SIM_RCPTS));
		for (uint32_t k = 0; k < p->n_rcpts; k++) {
			p->rcpts[k].will_bounce = sim_chance(50000);
			p->rcpts[k].tells_success = sim_chance(50000);
			p->rcpts[k].defers =
			    (uint8_t)(sim_chance(900000) ? 0 : sim_below(9));
		}
	}
}

static enum err
admit(const struct sim_msg *m)
{
	struct core_admit_part parts[SIM_PARTS];
	struct core_admit a = { .qid = m->qid,
		.segment = m->segment,
		.block = m->block,
		.n_parts = m->n_parts,
		.parts = parts,
		.tenant = sim_tenant(m->tenant),
		.is_silent = m->is_silent,
		.wants_delay = m->wants_delay };

	for (uint32_t i = 0; i < m->n_parts; i++)
		parts[i] =
		    (struct core_admit_part){ sim_domain(m->parts[i].domain),
			    m->parts[i].n_rcpts };
	return core_admit(sim.core, &a);
}

/* The admission's entry: all parts, with their keys. */
static void
remember_admission(const struct sim_msg *m)
{
	for (uint32_t i = 0; i < m->n_parts; i++) {
		struct sim_entry e = { .kind = ENTRY_PART,
			.has_key = true,
			.more = m->n_parts - i - 1 };

		e.part = (struct part_state){ .qid = m->qid,
			.segment = m->segment,
			.block = m->block,
			.part = (uint16_t)i,
			.n_rcpts = m->parts[i].n_rcpts,
			.is_silent = m->is_silent,
			.wants_delay = m->wants_delay,
			.state = PART_READY };
		disk_remember(&e, NULL);
	}
}

/* Tells the core; false: it has no room, or nothing can be written. */
static bool
announce(struct sim_msg *m)
{
	enum err err;

	if (sim.is_ledger_failing)
		return false;
	err = admit(m);
	sim.count.full += err == ERR_FULL ? 1 : 0;
	if (err == ERR_FULL)
		return false;
	SIM_REQUIRE(err == ERR_OK, "a record is refused");
	SIM_REQUIRE(admit(m) == ERR_EXISTS, "a record is taken twice");
	m->is_announced = true;
	m->heard_ms = sim.now_ms;
	/* An entry holds all parts: they are written together, or not. */
	if (sim.n_pending + SIM_PARTS > SIM_PENDING)
		disk_flush(false);
	sim_say("message %u is admitted, parts: %u", (uint32_t)(m - sim.msgs),
	    m->n_parts);
	remember_admission(m);
	return true;
}

static void
arrive(void)
{
	uint32_t writer = sim_below(SIM_WRITERS);
	struct sim_segment *s = segment_of(writer);
	struct sim_msg *m = &sim.msgs[sim.n_msgs];
	bool is_lost;

	*m = (struct sim_msg){ .qid = next_qid(writer),
		.segment = s->number,
		.seg = (uint32_t)(s - sim.segs),
		.block = ++s->n_records,
		.tenant = (uint8_t)sim_below(4),
		.is_silent = sim_chance(300000),
		.came_ms = sim.now_ms,
		.is_poison = sim_chance(1000) };
	m->wants_delay = !m->is_silent && sim_chance(200000);
	sim.n_msgs++;
	fill_parts(m);
	sim.found_parts += m->n_parts;
	is_lost = sim_chance(20000);
	if (!is_lost && announce(m))
		return;
	sim_say(
	    "message %u comes, and is not announced", (uint32_t)(m - sim.msgs));
	sim.count.unheard++;
	/* A fault that may be planted: the scan does not find it. */
	if (!is_lost || !sim_is_planted("lost_admit"))
		disk_unheard((uint32_t)(m - sim.msgs));
}

/* The scan: finds what no admit announced. */
static void
scan(void)
{
	uint32_t n = sim.n_unheard;

	for (uint32_t i = 0; i < n && i < 20; i++) {
		struct sim_msg *m = &sim.msgs[sim.unheard[sim.n_unheard - 1]];

		if (!announce(m))
			return;
		sim.n_unheard--;
		sim.unheard_parts -= m->n_parts;
		sim.segs[m->seg].n_unheard--;
		fetch();
	}
}

/* S4: a segment goes when its ledger is synced. */
static void
reclaim(void)
{
	uint32_t i = sim_below(sim.n_segs + 1);
	struct sim_entry e = { .kind = ENTRY_FORGET };

	if (i == sim.n_segs || sim.segs[i].is_gone || !sim.segs[i].is_sealed)
		return;
	core_segment_sealed(sim.core, sim.segs[i].number);
	if (sim.segs[i].n_unheard > 0 || sim.is_ledger_failing)
		return;
	if (!core_segment_is_done(sim.core, sim.segs[i].number))
		return;
	disk_flush(false);
	disk_sync();
	sim_say("segment %u is unlinked", i);
	sim.segs[i].is_gone = true;
	core_segment_forget(sim.core, sim.segs[i].number);
	e.segment = sim.segs[i].number;
	disk_remember(&e, NULL);
	sim.count.forgotten++;
}

#endif /* TESTS_SIM_ARRIVALS_H */
