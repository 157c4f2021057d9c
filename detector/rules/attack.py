"""Names of MITRE ATT&CK, for readers who do not know its numbers by heart. Enterprise matrix, names of version 17."""

from __future__ import annotations

# Version 19 split TA0005: what used to be Defense Evasion is Stealth there, or TA0112.
TACTICS = {
    "TA0001": "Initial Access",
    "TA0002": "Execution",
    "TA0003": "Persistence",
    "TA0004": "Privilege Escalation",
    "TA0005": "Defense Evasion",
    "TA0006": "Credential Access",
    "TA0007": "Discovery",
    "TA0008": "Lateral Movement",
    "TA0009": "Collection",
    "TA0010": "Exfiltration",
    "TA0011": "Command and Control",
    "TA0040": "Impact",
    "TA0042": "Resource Development",
    "TA0043": "Reconnaissance",
    "TA0112": "Defense Impairment",
}
# Those that rules here are about. T1685, v19's successor of T1562, goes by its number.
TECHNIQUES = {
    "T1021": "Remote Services",
    "T1021.007": "Cloud Services",
    "T1036": "Masquerading",
    "T1036.005": "Match Legitimate Resource Name or Location",
    "T1070": "Indicator Removal",
    "T1070.004": "File Deletion",
    "T1078": "Valid Accounts",
    "T1078.004": "Cloud Accounts",
    "T1087": "Account Discovery",
    "T1087.004": "Cloud Account",
    "T1098": "Account Manipulation",
    "T1098.001": "Additional Cloud Credentials",
    "T1098.003": "Additional Cloud Roles",
    "T1098.004": "SSH Authorized Keys",
    "T1098.005": "Device Registration",
    "T1110": "Brute Force",
    "T1110.001": "Password Guessing",
    "T1110.003": "Password Spraying",
    "T1136": "Create Account",
    "T1136.003": "Cloud Account",
    "T1484": "Domain or Tenant Policy Modification",
    "T1485": "Data Destruction",
    "T1526": "Cloud Service Discovery",
    "T1531": "Account Access Removal",
    "T1548": "Abuse Elevation Control Mechanism",
    "T1548.005": "Temporary Elevated Cloud Access",
    "T1550": "Use Alternate Authentication Material",
    "T1550.001": "Application Access Token",
    "T1552": "Unsecured Credentials",
    "T1552.001": "Credentials In Files",
    "T1555": "Credentials from Password Stores",
    "T1555.006": "Cloud Secrets Management Stores",
    "T1556": "Modify Authentication Process",
    "T1556.006": "Multi-Factor Authentication",
    "T1562": "Impair Defenses",
    "T1562.008": "Disable or Modify Cloud Logs",
    "T1565": "Data Manipulation",
    "T1565.001": "Stored Data Manipulation",
    "T1580": "Cloud Infrastructure Discovery",
    "T1621": "Multi-Factor Authentication Request Generation",
    "T1666": "Modify Cloud Resource Hierarchy",
}


def tactic_name(tactic: str) -> str:
    """Return the name of a tactic, its id when there is none here."""
    return TACTICS.get(tactic, tactic)


def technique_name(technique: str) -> str:
    """Return the name of a technique or sub-technique, its id when there is none here."""
    return TECHNIQUES.get(technique, technique)
