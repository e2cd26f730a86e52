/* SPDX-License-Identifier: BSD-2-Clause */
/* campaign: counts a tenant's campaigns: a header must not make queues. */
#include "qmgr/core/core_int.h"

#define KEY_BYTES (sizeof(uint32_t) + CORE_NAME_MAX_BYTES)

static struct key
key_of(struct str s)
{
	return (struct key){ s.ptr, s.len };
}

/* A campaign's key: its tenant's handle, then its name. */
static struct key
campaign_key(uint32_t tenant, struct str name, uint8_t bytes[KEY_BYTES])
{
	BUG_IF(name.len > CORE_NAME_MAX_BYTES);
	memcpy(bytes, &tenant, sizeof(tenant));
	if (name.len > 0)
		memcpy(bytes + sizeof(tenant), name.ptr, name.len);
	return (struct key){ bytes, sizeof(tenant) + name.len };
}

static struct tenant *
tenant_obtain(struct core *core, struct str name)
{
	uint32_t handle = index_find(&core->tenant_ids, key_of(name));
	struct tenant *t;

	if (handle != 0)
		return slab_get(&core->tenants, handle);
	handle = slab_alloc(&core->tenants);
	if (handle == 0)
		return NULL;
	t = slab_get(&core->tenants, handle);
	t->self = handle;
	if (core_text_set(core, &t->name, name) &&
	    index_put(&core->tenant_ids, key_of(name), handle) == ERR_OK)
		return t;
	core_text_drop(core, &t->name);
	slab_free_item(&core->tenants, handle);
	return NULL;
}

static void
tenant_release(struct core *core, struct tenant *t)
{
	if (t->n_queues > 0 || t->n_campaigns > 0)
		return;
	(void)index_remove(&core->tenant_ids, key_of(t->name));
	core_text_drop(core, &t->name);
	slab_free_item(&core->tenants, t->self);
}

static struct campaign *
campaign_make(struct core *core, struct tenant *t, struct str name)
{
	uint32_t handle = slab_alloc(&core->campaigns);
	uint8_t bytes[KEY_BYTES];
	struct campaign *c;

	if (handle == 0)
		return NULL;
	c = slab_get(&core->campaigns, handle);
	c->self = handle;
	c->tenant = t->self;
	if (core_text_set(core, &c->name, name) &&
	    index_put(&core->campaign_ids, campaign_key(t->self, name, bytes),
	        handle) == ERR_OK) {
		t->n_campaigns++;
		return c;
	}
	core_text_drop(core, &c->name);
	slab_free_item(&core->campaigns, handle);
	return NULL;
}

static struct campaign *
campaign_find(struct core *core, const struct tenant *t, struct str name)
{
	uint8_t bytes[KEY_BYTES];
	uint32_t handle =
	    index_find(&core->campaign_ids, campaign_key(t->self, name, bytes));

	return handle == 0 ? NULL : slab_get(&core->campaigns, handle);
}

bool
campaign_obtain(struct core *core, struct queue_key *key, uint32_t *tenant,
    uint32_t *campaign)
{
	struct tenant *t = tenant_obtain(core, key->tenant);
	struct campaign *c;

	if (t == NULL)
		return false;
	c = campaign_find(core, t, key->campaign);
	if (c == NULL && t->n_campaigns >= core->conf.campaigns_max) {
		key->campaign = STR("other");
		c = campaign_find(core, t, key->campaign);
	}
	if (c == NULL)
		c = campaign_make(core, t, key->campaign);
	if (c == NULL) {
		tenant_release(core, t);
		return false;
	}
	c->n_queues++;
	t->n_queues++;
	*tenant = t->self;
	*campaign = c->self;
	return true;
}

void
campaign_release(struct core *core, uint32_t tenant, uint32_t campaign)
{
	struct tenant *t = slab_get(&core->tenants, tenant);
	struct campaign *c = slab_get(&core->campaigns, campaign);
	uint8_t bytes[KEY_BYTES];

	BUG_IF(t->n_queues == 0 || c->n_queues == 0 || c->tenant != tenant);
	t->n_queues--;
	if (--c->n_queues == 0) {
		(void)index_remove(
		    &core->campaign_ids, campaign_key(tenant, c->name, bytes));
		core_text_drop(core, &c->name);
		slab_free_item(&core->campaigns, campaign);
		t->n_campaigns--;
	}
	tenant_release(core, t);
}
