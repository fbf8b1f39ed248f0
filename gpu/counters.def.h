/* Counters that are read twice: id, NVML's field, what it counts. COUNTER is one per GPU,
 * LINK_COUNTER one per NVLink, which also says how bad one such event is, and how many a second
 * are allowed (NVIDIA's DCGM: none, but for 100 CRC errors). Fields up to 163 are NVLink 4's and
 * those from 206 NVLink 5's: a GPU answers one kind. */
#ifdef COUNTER
COUNTER(THROTTLE_POWER, 74, "power limit")
COUNTER(THROTTLE_SW_HEAT, 269, "heat")
COUNTER(THROTTLE_HW_HEAT, 270, "heat, clocks halved")
COUNTER(THROTTLE_BRAKE, 271, "power brake, clocks halved")
COUNTER(PCIE_CORRECTABLE, 173, "corrected errors")
COUNTER(PCIE_NAKS_RECEIVED, 174, "packets refused by the other end")
COUNTER(PCIE_RECEIVER, 175, "receiver errors")
COUNTER(PCIE_BAD_TLP, 176, "bad packets")
COUNTER(PCIE_NAKS_SENT, 177, "packets refused")
COUNTER(PCIE_BAD_DLLP, 178, "bad link packets")
COUNTER(PCIE_NON_FATAL, 179, "uncorrected errors")
COUNTER(PCIE_FATAL, 180, "fatal errors")
COUNTER(PCIE_UNSUPPORTED, 181, "unsupported requests")
COUNTER(PCIE_LCRC, 182, "checksum errors")
COUNTER(PCIE_LANE, 183, "lane errors")
#endif
#ifdef LINK_COUNTER
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
#endif
