/* SPDX-License-Identifier: BSD-2-Clause */
/* footer: the act of sealing. */
#include "util/spool/footer.h"

#include "util/base/crc32c.h"
#include "util/base/fatal.h"
#include "util/io/sys.h"
#include "util/spool/disk.h"

/* Entries of one write. */
#define CHUNK_ENTRIES 256

/* Writes all entries from offset on; *crc becomes theirs. */
static enum err
write_entries(
    int fd, const struct footer *footer, uint64_t offset, uint32_t *crc)
{
	uint8_t chunk[CHUNK_ENTRIES * SEGMENT_ENTRY_BYTES];
	uint32_t done = 0;
	size_t bytes;
	enum err err;

	while (done < footer->n) {
		bytes = 0;
		while (done < footer->n && bytes < sizeof(chunk)) {
			segment_entry_encode(
			    &footer->entries[done++], chunk + bytes);
			bytes += SEGMENT_ENTRY_BYTES;
		}
		*crc = crc32c(*crc, chunk, bytes);
		err = disk_write(fd, chunk, bytes, offset);
		if (err != ERR_OK)
			return err;
		offset += bytes;
	}
	return ERR_OK;
}

enum err
footer_write(
    int fd, const struct segment_head *head, const struct footer *footer)
{
	uint64_t at = (uint64_t)footer->block * SEGMENT_BLOCK_BYTES;
	uint64_t end = at + (uint64_t)footer->n * SEGMENT_ENTRY_BYTES;
	struct segment_trailer trailer = {
		.n = footer->n,
		.block = footer->block,
		.footer_crc = segment_crc_begin(head->salt),
	};
	uint8_t p[SEGMENT_TRAILER_BYTES];
	enum err err;

	BUG_IF(footer->n > SEGMENT_RECORDS_MAX || footer->block == 0);
	/* The length first: what is cut off is never behind a valid trailer,
	 * and the trailer alone says that the rest is there. */
	if (sys.ftruncate(fd, (off_t)(end + sizeof(p))) != 0)
		return disk_err();
	err = write_entries(fd, footer, at, &trailer.footer_crc);
	if (err != ERR_OK)
		return err;
	segment_trailer_encode(&trailer, head, p);
	err = disk_write(fd, p, sizeof(p), end);
	if (err != ERR_OK)
		return err;
	return sys.fsync(fd) == 0 ? ERR_OK : disk_err();
}
