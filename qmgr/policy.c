/* SPDX-License-Identifier: BSD-2-Clause */
/* policy: look-ups in the configuration in force. */
#include "qmgr/policy.h"

#include "qmgr/qmgr_int.h"
#include "util/conf/conf.h"
#include "util/conf/lookup.h"

/* Connections of a site while the shaper has never spoken of it. */
#define FLOOR_CONNECTIONS 1

void
policy_queue(
    void *ctx, const struct queue_key *key, struct core_queue_policy *policy)
{
	const struct qmgr *q = ctx;
	const struct conf *conf = svc_conf(q->svc);
	struct conf_queue_name name = {
		.tenant = key->tenant,
		.campaign = key->campaign,
		.domain = key->domain,
	};
	struct conf_queue queue;
	struct conf_tenant tenant;

	conf_queue_policy(conf, &name, &queue);
	conf_tenant_policy(conf, key->tenant, &tenant);
	*policy = (struct core_queue_policy){
		.backoff = {
			.base_ms = queue.retry_first_ms,
			.cap_ms = queue.retry_max_ms,
			.life_ms = queue.expire_ms,
			.jitter_pct = queue.retry_jitter,
		},
		.delay_notice_ms = queue.delay_notice_ms,
		.on_doubt = (enum on_doubt)queue.on_doubt,
		.weight = tenant.weight,
	};
}

void
policy_site(void *ctx, struct str source, struct str provider,
    struct core_site_policy *policy)
{
	const struct qmgr *q = ctx;
	struct conf_site site;

	conf_site_policy(svc_conf(q->svc), source, provider, &site);
	*policy = (struct core_site_policy){
		.idle_reuse_ms = site.idle_reuse_ms,
		.probe_max_ms = site.probe_max_ms,
		.attempt_ms = site.attempt_timeout_ms,
		.open_ms = site.attempt_timeout_ms,
		.floor = FLOOR_CONNECTIONS,
	};
}
