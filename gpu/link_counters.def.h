/* Counters of each NVLink that are read twice: id, NVML's field, what it counts, how bad one such
 * event is, and how many a second are allowed (NVIDIA's DCGM: none, but for 100 CRC errors).
 * Fields up to 163 are NVLink 4's and those from 206 NVLink 5's: a GPU answers one kind. */
LINK_COUNTER(REPLAY, 161, "packets sent again", WARN, 0)
LINK_COUNTER(RECOVERY, 162, "recoveries", WARN, 0)
LINK_COUNTER(CRC, 163, "checksum errors", FAIL, 100)
LINK_COUNTER(MALFORMED, 206, "malformed packets", WARN, 0)
LINK_COUNTER(OVERRUN, 207, "packets lost to a full buffer", WARN, 0)
LINK_COUNTER(RECEIVED, 208, "packets received with errors", WARN, 0)
LINK_COUNTER(REMOTE, 209, "packets marked bad by the other end", WARN, 0)
LINK_COUNTER(HEADER, 210, "packets with a wrong header", WARN, 0)
LINK_COUNTER(INTEGRITY, 211, "times over the limit of local errors", WARN, 0)
LINK_COUNTER(DISCARDED, 212, "packets discarded", WARN, 0)
LINK_COUNTER(RECOVERED, 213, "recoveries", WARN, 0)
LINK_COUNTER(RECOVERY_FAILED, 214, "failed recoveries", FAIL, 0)
LINK_COUNTER(EFFECTIVE, 219, "errors that correction could not hide", WARN, 0)
