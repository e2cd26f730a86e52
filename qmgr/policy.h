/* SPDX-License-Identifier: BSD-2-Clause */
/* policy: what the configuration says, as the core asks for it. */
#ifndef QMGR_POLICY_H
#define QMGR_POLICY_H

#include "qmgr/core/core.h"

/* core_queue_policy_fn and core_site_policy_fn; ctx is the struct qmgr. */
void policy_queue(
    void *ctx, const struct queue_key *key, struct core_queue_policy *policy);
void policy_site(void *ctx, struct str source, struct str provider,
    struct core_site_policy *policy);

#endif /* QMGR_POLICY_H */
