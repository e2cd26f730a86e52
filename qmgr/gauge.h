/* SPDX-License-Identifier: BSD-2-Clause */
/* gauge: whether new mail is taken, and if not, why. */
#ifndef QMGR_GAUGE_H
#define QMGR_GAUGE_H

#include <stdint.h>

#include "util/proto/terms.h"
#include "util/text/str.h"

struct qmgr;
struct gauge;

/* How often the inputs are looked at. */
#define GAUGE_LOOK_MS 200

struct gauge *gauge_new(struct qmgr *q);

/* Another configuration is in force. */
void gauge_reload(struct gauge *p);

/* Looks at memory, disk, ledger and unadmitted records; publishes the worst in
 * the status page (Q7). Takes effect with a smtpd's next command. */
void gauge_tick(struct gauge *p, int64_t now_ms);

/* As published; *reason is a view that lasts until the next tick. */
enum pressure gauge_get(const struct gauge *p, struct str *reason);

#endif /* QMGR_GAUGE_H */
