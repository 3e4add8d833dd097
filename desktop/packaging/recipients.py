"""The text that goes out with the packages: how to install them, what the systems ask, what removing leaves. For the
people who get the app; English, then French. The same on every system, so that one release has one of it."""

from __future__ import annotations

from desktop.packaging.plan import Plan

ENGLISH = """{name} {version}{by}

Compare what you downloaded with SHA256SUMS, or with the release page's attestation:
  gh attestation verify FILE --repo OWNER/NAME

Windows 10 and 11: open …-setup.exe. No administrator is needed. Where the publisher has not signed it,
SmartScreen says "Windows protected your PC": choose More info, then Run anyway, if you trust where you got it
from. The zip holds the same app to put anywhere. The app needs Microsoft's WebView2 runtime, which is part of
Windows 11; the installer offers to open its download where it is missing.

macOS 11 and newer: open the .dmg and drag the app into Applications. Where the publisher has not signed it, macOS
refuses to open it: go to System Settings, Privacy & Security, and choose Open Anyway, if you trust where you got it
from. After an update of an app that is not signed, the keychain asks anew whether it may read your key.

Debian 12 and newer, Ubuntu 24.04 and newer: sudo apt install ./FILE.deb. Other Linux: unpack the .tar.zst; its file
NEEDS names what has to be there.

Your key is kept in the system's keyring, your chats and settings in a folder of yours:
  Windows  %LOCALAPPDATA%\\{id}
  macOS    ~/Library/Application Support/{id}
  Linux    ~/.local/share/{id}
Removing the app keeps both. To remove them too: Settings, Privacy, Delete all data, before you remove the
app; or delete the folder, and the entries “{service}” in the keyring.
  Windows  Settings, Apps, {name}, Uninstall
  macOS    move the app to the Trash
  Debian   sudo apt purge {id}

{name} is made with ChatKit Desktop, an independent project, neither made nor endorsed by OpenAI.{contact}
"""

FRENCH = """{name} {version}{by}

Comparez ce que vous avez téléchargé avec SHA256SUMS, ou avec l’attestation de la page de publication :
  gh attestation verify FICHIER --repo PROPRIÉTAIRE/NOM

Windows 10 et 11 : ouvrez …-setup.exe. Aucun droit d’administrateur n’est requis. Si l’éditeur ne l’a pas signé,
SmartScreen affiche « Windows a protégé votre ordinateur » : choisissez Informations complémentaires, puis Exécuter
quand même, si vous faites confiance à sa provenance. Le zip contient la même application, à placer où vous voulez.
L’application a besoin du composant WebView2 de Microsoft, qui fait partie de Windows 11 ; s’il manque, le programme
d’installation propose d’ouvrir son téléchargement.

macOS 11 et versions ultérieures : ouvrez le .dmg et faites glisser l’application dans Applications. Si
l’éditeur ne l’a pas signée, macOS refuse de l’ouvrir : dans Réglages Système, Confidentialité et sécurité,
choisissez Ouvrir quand même, si vous faites confiance à sa provenance. Après la mise à jour d’une application
non signée, le trousseau demande de nouveau si elle peut lire votre clé.

Debian 12 et Ubuntu 24.04, ou versions ultérieures : sudo apt install ./FICHIER.deb. Autres Linux : décompressez le
.tar.zst ; son fichier NEEDS dit ce qui doit être présent.

Votre clé est conservée dans le trousseau du système, vos conversations et réglages dans un dossier à vous :
  Windows  %LOCALAPPDATA%\\{id}
  macOS    ~/Library/Application Support/{id}
  Linux    ~/.local/share/{id}
Supprimer l’application ne supprime ni l’un ni l’autre. Pour les supprimer aussi : Réglages, Confidentialité,
Supprimer toutes les données, avant de supprimer l’application ; ou supprimez ce dossier et les entrées
« {service} » du trousseau.
  Windows  Paramètres, Applications, {name}, Désinstaller
  macOS    mettez l’application à la corbeille
  Debian   sudo apt purge {id}

{name} est fait avec ChatKit Desktop, un projet indépendant, ni réalisé ni approuvé par OpenAI.{contact}
"""


def file_name(plan: Plan) -> str:
    return f"{plan.name}-{plan.version}-INSTALL.txt"


def text(plan: Plan) -> str:
    """Both languages, one under the other."""
    app = plan.brand.app
    values = {
        "name": app.name,
        "version": plan.version,
        "by": f" – {app.publisher}" if app.publisher else "",
        "id": plan.name,
        "service": plan.brand.keyring_service,
        "contact": f"\n{app.contact}" if app.contact else "",
    }
    return ENGLISH.format(**values) + "\n" + "-" * 100 + "\n\n" + FRENCH.format(**values)
