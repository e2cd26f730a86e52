/* SPDX-License-Identifier: BSD-2-Clause */
/* status: all that `holdfast status` knows of an instance. */
#ifndef CTL_STATUS_H
#define CTL_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/ctl.h"
#include "ctl/passes.h"
#include "util/proto/messages.h"

/* master, and all daemons there can be. */
#define STATUS_ROWS_MAX 256
#define STATUS_NAME_BYTES 48
#define STATUS_REASON_BYTES 256
#define STATUS_NODE_BYTES 256
#define STATUS_TROUBLE_BYTES 1204

struct status_row {
	char name[STATUS_NAME_BYTES]; /* "smtpd/1" */
	char program[STATUS_NAME_BYTES];
	char trouble[STATUS_TROUBLE_BYTES]; /* how it ended last, unasked */
	struct msg_process process; /* its name and trouble are not valid */
};

struct status {
	bool is_running; /* master answered */
	bool is_ready;
	char node[STATUS_NODE_BYTES];
	char unseparated[STATUS_REASON_BYTES]; /* why all run as one user;
						* empty: they do not */
	struct msg_instance instance; /* node, unseparated are not valid */
	uint32_t n;
	struct status_row rows[STATUS_ROWS_MAX];
	bool has_accounts;
	struct msg_accounts accounts; /* reason is not valid */
	bool has_passes;
	struct passes passes;
	char reason[STATUS_REASON_BYTES]; /* why mail is not taken, or slowly;
					   * or why there are no accounts */
};

/* Asks master and qmgr, or, when the relay is stopped, has its spool read. */
void status_gather(struct ctl *ctl, struct status *status);

/* What a process uses; all 0 when it cannot be seen. */
struct status_usage {
	unsigned cpu_pct; /* of one core, since its start */
	uint64_t memory_bytes;
};
void status_usage(uint32_t pid, struct status_usage *usage);

/* "ok", "back-off" ...: static storage. */
const char *status_state_text(unsigned state);

#endif /* CTL_STATUS_H */
