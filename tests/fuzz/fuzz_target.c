/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_target: where a move leads: what is read is written so that it reads the
 * same. */
#include "util/mail/order.h"

#include "tests/fuzz/fuzz.h"

static bool
is_same(const struct order_target *a, const struct order_target *b)
{
	return str_eq(a->key.tenant, b->key.tenant) &&
	    str_eq(a->key.campaign, b->key.campaign) &&
	    str_eq(a->key.domain, b->key.domain) &&
	    a->keeps_tenant == b->keeps_tenant &&
	    a->keeps_campaign == b->keeps_campaign &&
	    a->keeps_domain == b->keeps_domain;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char bytes[3 * ORDER_NAME_MAX_BYTES + 2];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct order_target t, again;
	struct queue_key key, none = { .domain = { NULL, 0 } };

	if (order_target_parse(&t, (struct str){ (const char *)data, size }) !=
	    ERR_OK)
		return 0;
	order_target_put(&out, &t);
	BUG_IF(order_target_parse(&again, outbuf_str(&out)) != ERR_OK);
	BUG_IF(!is_same(&t, &again));
	key = order_target_key(&t, &none);
	BUG_IF(key.domain.len > ORDER_NAME_MAX_BYTES ||
	    key.tenant.len > ORDER_NAME_MAX_BYTES ||
	    key.campaign.len > ORDER_NAME_MAX_BYTES);
	BUG_IF((key.domain.len == 0) != t.keeps_domain);
	return 0;
}
