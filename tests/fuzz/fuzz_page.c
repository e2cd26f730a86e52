/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_page: whatever lies in a shared page, readers get what is in range. */
#include "util/svc/page.h"

#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "util/base/fatal.h"

/* Behind the opening, which decides whether a page is mapped at all. */
#define BODY_AT 16
#define N_SLOTS 64

static void
scribble(int fd, const uint8_t *data, size_t size, size_t max)
{
	if (size > max)
		size = max;
	BUG_IF(pwrite(fd, data, size, BODY_AT) != (ssize_t)size);
}

static void
check_status(const struct page *page)
{
	char reason[PAGE_REASON_MAX_BYTES + 1];
	struct page_segment seg;
	uint64_t synced;

	BUG_IF(page_heartbeat_ms(page) < 0);
	BUG_IF(page_pressure(page) >= PRESSURE_N);
	page_get_reason(page, reason);
	BUG_IF(memchr(reason, '\0', sizeof(reason)) == NULL);
	for (size_t i = 0; reason[i] != '\0'; i++)
		BUG_IF(reason[i] < ' ' || reason[i] > '~');
	for (unsigned i = 0; i < PAGE_SEGMENTS_MAX; i++)
		if (page_get_segment(page, i, &seg))
			BUG_IF(seg.number == 0 ||
			    !page_find_segment(page, seg.number, &synced));
}

static void
check_slots(const struct slot_page *page)
{
	struct slot slot;

	for (unsigned i = 0; i < slot_page_n(page); i++)
		if (slot_get(page, i, &slot))
			BUG_IF(slot.lease == 0 || slot.phase == SLOT_FREE ||
			    slot.phase >= SLOT_PHASE_N);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slot_page *slots = NULL;
	struct page *page = NULL;
	int fd, slots_fd;

	BUG_IF(page_create(&fd) != ERR_OK);
	BUG_IF(slot_page_create(&slots_fd, N_SLOTS) != ERR_OK);
	scribble(fd, data, size, 8192 - BODY_AT);
	scribble(slots_fd, data, size, 4096 - BODY_AT);
	BUG_IF(page_map(&page, fd, false) != ERR_OK);
	BUG_IF(slot_page_map(&slots, slots_fd) != ERR_OK);
	check_status(page);
	check_slots(slots);
	page_free(&page);
	slot_page_free(&slots);
	(void)close(fd);
	(void)close(slots_fd);
	return 0;
}
