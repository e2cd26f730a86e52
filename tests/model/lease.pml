/* SPDX-License-Identifier: BSD-2-Clause */
/* lease: who owns a part between queue manager, worker and ledger, while both
 * processes die at any moment. See README.md; run.sh checks it with spin.
 *
 * FAULT_EARLY_CLEAR	a slot is cleared before the result is in the ledger
 * FAULT_LEND_UNWRITTEN	a part is lent again before its result is written
 * FAULT_FORGET_SLOTS	a restart looks at the ledger alone
 */

#ifndef CRASHES
#define CRASHES 3
#endif
#ifndef LEASES
#define LEASES 5
#endif
#define SLOTS 2
#define FRAMES 6

mtype = { READY, LEASED, DONE };             /* the part, in qmgr */
mtype = { FREE, TAKEN, WORK, DOT, ANSWERED }; /* phase of a slot */
mtype = { LEASE, HOLD, HELD_END, RESULT, ACK };

/* The slot page: outlives both. */
mtype phase[SLOTS] = FREE;
byte slot_lease[SLOTS];

/* The ledger: outlives both. */
bool written_done;
byte written_lease; /* of the entry written last */

/* The peer's mailbox, and what the operator was told of it. */
byte delivered, doubts;
byte next_lease = 1; /* AUDIT and slot pages: never given twice */
byte crashes;

/* qmgr: lost when it dies. */
bool qmgr_up = false;
mtype part = READY;
byte lease, at_slot;        /* LEASED: with this lease, there */
mtype entry[SLOTS] = FREE;  /* FREE; TAKEN: out; ANSWERED: to be cleared */
bool is_pending, is_written; /* an entry that is not in the ledger yet */
bool pending_done, pending_doubt;
byte pending_lease, pending_slot;
bool is_known;              /* the worker has told what it holds */
bool told[SLOTS];           /* it holds this one */

/* worker: lost when it dies. */
bool worker_up = true;
bool linked;                /* to this qmgr */
bool gone;                  /* dead, and qmgr has not come to its EOF */
bool holds[SLOTS];
byte held_lease[SLOTS];
bool has_result[SLOTS];
bool result_done[SLOTS];

chan to_worker = [FRAMES] of { mtype, byte, byte };     /* kind, slot, lease */
chan to_qmgr = [FRAMES] of { mtype, byte, byte, bool }; /* ..., delivered */

#define is_held(i) (holds[i] && !has_result[i])
#define on_way(i) \
	(phase[i] == TAKEN && !holds[i] && \
	    to_worker ?? [LEASE, i, eval(slot_lease[i])])
#define is_live(i) (phase[i] != FREE && (is_held(i) || on_way(i)))

/* --- what must hold ------------------------------------------------------- */

/* No part with two: two that could send it, or twice without a doubt. */
#define NOT_TWO \
	(!(is_live(0) && is_live(1)) && delivered <= 1 + doubts)

/* No part without owner: it is ready, out in a slot of this lease, or done
 * where the peer has it; and of what is remembered as done the peer has it. */
#define OWNED \
	(!qmgr_up || part == READY || \
	    (part == LEASED && entry[at_slot] == TAKEN && \
	        phase[at_slot] != FREE && slot_lease[at_slot] == lease) || \
	    (part == DONE && delivered > 0))
#define TRUE_LEDGER (!written_done || delivered > 0)

inline check() {
	assert(NOT_TWO);
	assert(OWNED);
	assert(TRUE_LEDGER)
}

/* --- qmgr ----------------------------------------------------------------- */

inline clear_slot(i) {
	phase[i] = FREE;
	slot_lease[i] = 0;
	entry[i] = FREE
}

/* Settles the lease in a slot: an entry is pending, the slot still taken. */
inline settle(i, is_done, is_doubt) {
	entry[i] = ANSWERED;
	is_pending = true;
	pending_done = is_done;
	pending_doubt = is_doubt;
	pending_lease = slot_lease[i];
	pending_slot = i;
	if
	:: is_done -> part = DONE
	:: else -> part = READY
	fi
#ifdef FAULT_EARLY_CLEAR
	;
	phase[i] = FREE;
	slot_lease[i] = 0;
	entry[i] = FREE
#endif
}

/* The worker is dead, or holds this one not. */
inline take_back(i) {
	if
	:: phase[i] == TAKEN ->
		/* Nothing was sent: nothing is remembered. */
		phase[i] = FREE;
		slot_lease[i] = 0;
		entry[i] = FREE;
		part = READY
	:: phase[i] == WORK -> settle(i, false, false)
	:: else -> settle(i, false, true)
	fi
}

inline replay_slot(i) {
	if
	:: phase[i] != FREE && slot_lease[i] <= written_lease -> clear_slot(i)
	:: phase[i] != FREE && slot_lease[i] > written_lease ->
		part = LEASED; lease = slot_lease[i]; at_slot = i;
		entry[i] = TAKEN
	:: else -> skip
	fi
}

/* Ledger, then slot pages: one whose result is written is only to be
 * cleared. */
inline replay() {
	is_pending = false;
	is_written = false;
	pending_done = false; pending_doubt = false;
	pending_lease = 0; pending_slot = 0;
	is_known = false;
	lease = 0; at_slot = 0;
	entry[0] = FREE; entry[1] = FREE;
	told[0] = false; told[1] = false;
	if
	:: written_done -> part = DONE
	:: else -> part = READY
	fi;
#ifndef FAULT_FORGET_SLOTS
	replay_slot(0);
	replay_slot(1);
#endif
	qmgr_up = true
}

/* The slot is filled before the frame goes. */
inline lend(i) {
	phase[i] = TAKEN;
	slot_lease[i] = next_lease;
	entry[i] = TAKEN;
	part = LEASED;
	lease = next_lease;
	at_slot = i;
	next_lease++;
	told[i] = true;
	to_worker ! LEASE, i, lease
}

#ifdef FAULT_LEND_UNWRITTEN
#define MAY_LEND true
#else
#define MAY_LEND (!is_pending)
#endif

inline acknowledge(i, n) {
	if
	:: linked -> to_worker ! ACK, i, n
	:: else -> skip
	fi
}

/* First the entry, which may be the last that it does; then slot and ACK. */
inline write_entry() {
	written_done = written_done || pending_done;
	doubts = doubts + pending_doubt;
	written_lease = pending_lease
}

inline free_slot() {
	i = pending_slot;
	if
	:: phase[i] != FREE && slot_lease[i] == pending_lease ->
		clear_slot(i);
		acknowledge(i, pending_lease)
	:: else -> skip
	fi;
	is_pending = false;
	is_written = false;
	pending_done = false; pending_doubt = false;
	pending_lease = 0; pending_slot = 0;
	i = 0
}

/* Of a lease that it does not know (any more) it only acknowledges. */
inline receive() {
	to_qmgr ? kind, i, n, ok;
	if
	:: kind == HELD_END ->
		is_known = true;
		if
		:: part == LEASED && !told[at_slot] -> take_back(at_slot)
		:: else -> skip
		fi
	:: kind != HELD_END && !(entry[i] == TAKEN && slot_lease[i] == n) ->
		if
		:: entry[i] == ANSWERED && slot_lease[i] == n -> skip
		:: else -> acknowledge(i, n)
		fi
	:: kind == HOLD && entry[i] == TAKEN && slot_lease[i] == n ->
		told[i] = true
	:: kind == RESULT && entry[i] == TAKEN && slot_lease[i] == n ->
		settle(i, ok, false)
	fi;
	i = 0; n = 0; ok = false; kind = 0
}

active proctype qmgr()
{
	byte i, n;
	mtype kind;
	bool ok;
	do
	:: atomic { !qmgr_up -> replay(); check() }
	:: atomic { qmgr_up && linked && is_known && part == READY &&
	    MAY_LEND && next_lease <= LEASES && len(to_worker) < FRAMES ->
		if
		:: entry[0] == FREE && phase[0] == FREE -> lend(0)
		:: entry[1] == FREE && phase[1] == FREE -> lend(1)
		:: else -> skip
		fi;
		check() }
	:: atomic { qmgr_up && is_pending && !is_written ->
		write_entry(); is_written = true; check() }
	:: atomic { qmgr_up && is_pending && is_written &&
	    len(to_worker) < FRAMES -> free_slot(); check() }
	:: atomic { qmgr_up && !is_pending && nempty(to_qmgr) &&
	    len(to_worker) < FRAMES -> receive(); check() }
	/* EOF of the worker: all its words were read. */
	:: atomic { qmgr_up && !is_pending && gone && empty(to_qmgr) ->
		gone = false;
		is_known = false;
		told[0] = false; told[1] = false;
		if
		:: part == LEASED -> take_back(at_slot)
		:: else -> skip
		fi;
		worker_up = true;
		check() }
	od
}

/* --- worker --------------------------------------------------------------- */

inline report(i) {
	has_result[i] = true;
	if
	:: linked && len(to_qmgr) < FRAMES ->
		to_qmgr ! RESULT, i, held_lease[i], result_done[i]
	:: else -> skip
	fi
}

/* One step of an attempt: its phase is in the slot before the deed. */
inline attempt(i) {
	if
	:: phase[i] == TAKEN -> phase[i] = WORK
	:: phase[i] == WORK -> phase[i] = DOT
	:: phase[i] == WORK -> result_done[i] = false; report(i)
	:: phase[i] == DOT -> delivered++; phase[i] = ANSWERED
	:: phase[i] == ANSWERED -> result_done[i] = true; report(i)
	:: phase[i] == FREE -> assert(false)
	fi
}

/* What it holds, then the results that nobody has acknowledged. */
inline hello() {
	linked = true;
	if
	:: holds[0] -> to_qmgr ! HOLD, 0, held_lease[0], false
	:: else -> skip
	fi;
	if
	:: holds[1] -> to_qmgr ! HOLD, 1, held_lease[1], false
	:: else -> skip
	fi;
	to_qmgr ! HELD_END, 0, 0, false;
	if
	:: holds[0] && has_result[0] ->
		to_qmgr ! RESULT, 0, held_lease[0], result_done[0]
	:: else -> skip
	fi;
	if
	:: holds[1] && has_result[1] ->
		to_qmgr ! RESULT, 1, held_lease[1], result_done[1]
	:: else -> skip
	fi
}

active proctype worker()
{
	byte i, n;
	mtype kind;
	do
	:: atomic { worker_up && qmgr_up && !linked && empty(to_worker) &&
	    empty(to_qmgr) ->
		hello(); check() }
	:: atomic { worker_up && nempty(to_worker) ->
		to_worker ? kind, i, n;
		if
		:: kind == LEASE ->
			holds[i] = true; held_lease[i] = n;
			has_result[i] = false
		:: kind == ACK && holds[i] && held_lease[i] == n ->
			holds[i] = false; has_result[i] = false
		:: else -> skip
		fi;
		i = 0; n = 0; check() }
	:: atomic { worker_up && is_held(0) -> attempt(0); check() }
	:: atomic { worker_up && is_held(1) -> attempt(1); check() }
	od
}

/* --- kill -9 -------------------------------------------------------------- */

inline kill_qmgr() {
	qmgr_up = false;
	linked = false;
	/* What it had not read is lost; what it had sent is still read. */
	do
	:: nempty(to_qmgr) -> to_qmgr ? _, _, _, _
	:: empty(to_qmgr) -> break
	od;
	/* Some of that is lost as well. */
	do
	:: nempty(to_worker) -> to_worker ? _, _, _
	:: true -> break
	od;
	if
	:: gone -> gone = false; worker_up = true
	:: else -> skip
	fi
}

/* Its slot pages stay. A qmgr that is linked to it sees its EOF. */
inline kill_worker() {
	holds[0] = false; holds[1] = false;
	has_result[0] = false; has_result[1] = false;
	held_lease[0] = 0; held_lease[1] = 0;
	do
	:: nempty(to_worker) -> to_worker ? _, _, _
	:: empty(to_worker) -> break
	od;
	gone = linked;
	worker_up = !linked;
	linked = false
}

active proctype killer()
{
	do
	:: atomic { crashes < CRASHES && qmgr_up ->
		crashes++; kill_qmgr(); check() }
	:: atomic { crashes < CRASHES && worker_up ->
		crashes++; kill_worker(); check() }
	:: atomic { crashes < CRASHES && qmgr_up && worker_up ->
		crashes++; kill_worker(); kill_qmgr(); check() }
	od
}
