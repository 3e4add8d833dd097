; The Windows installer: for one person, without administrator rights, into a folder of its own.
; desktop/packaging/windows.py writes brand.nsh (the !defines used here) and calls makensis. It knows no brand by itself.
; It removes what it has put there, and never what people have made: chats, settings and keys stay.

Unicode true
Target "${TARGET}"
!include "brand.nsh"
!include "MUI2.nsh"
!include "LogicLib.nsh"
!include "WinVer.nsh"
!include "x64.nsh"
!include "FileFunc.nsh"

Name "${NAME}" "${NAME_IN_DIALOGS}"
OutFile "${OUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\${ID}"
InstallDirRegKey HKCU "${OWN_KEY}" "Folder"
SetCompressor /SOLID lzma
; Large enough to see that the program and its twin with a console are the same but for a few bytes.
SetCompressorDictSize 64
SetDateSave off
BrandingText " "
ShowInstDetails nevershow
ShowUninstDetails nevershow
ManifestDPIAware true
ManifestSupportedOS all
!ifdef SIGN
  !uninstfinalize '${SIGN} "%1"' = 0
!endif

VIProductVersion "${VERSION4}"
VIAddVersionKey /LANG=0 "ProductName" "${NAME}"
VIAddVersionKey /LANG=0 "FileDescription" "${NAME}"
VIAddVersionKey /LANG=0 "CompanyName" "${PUBLISHER}"
VIAddVersionKey /LANG=0 "LegalCopyright" "${COPYRIGHT}"
VIAddVersionKey /LANG=0 "FileVersion" "${VERSION}"
VIAddVersionKey /LANG=0 "ProductVersion" "${VERSION}"

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_FINISHPAGE_RUN "$INSTDIR\${ID}.exe"
!define MUI_UNCONFIRMPAGE_TEXT_TOP "$(KEPT)"
!define MUI_WELCOMEPAGE_TEXT "$(WELCOME)"
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "French"

; What is shown follows the system's language; the first named is for all others.
LangString WELCOME ${LANG_ENGLISH} "${NAME} ${VERSION} is installed for you alone; no administrator is needed. An earlier version is replaced, and your chats, settings and keys stay."
LangString WELCOME ${LANG_FRENCH} "${NAME} ${VERSION} s’installe pour vous seul${U+202F}; aucun droit d’administrateur n’est requis. Une version antérieure est remplacée, et vos conversations, réglages et clés restent."
LangString KEPT ${LANG_ENGLISH} "The program is removed. Your chats and settings stay in $LOCALAPPDATA\${ID}, your keys in the Windows Credential Manager. To remove those too, use “Delete all data” in the settings first."
LangString KEPT ${LANG_FRENCH} "Le programme est supprimé. Vos conversations et réglages restent dans $LOCALAPPDATA\${ID}, vos clés dans le Gestionnaire d’identification de Windows. Pour les supprimer aussi, utilisez d’abord «${U+202F}Supprimer toutes les données${U+202F}» dans les réglages."
LangString RUNNING ${LANG_ENGLISH} "${NAME} is running. Close it, then try again."
LangString RUNNING ${LANG_FRENCH} "${NAME} est ouvert. Fermez-le, puis réessayez."
LangString TOO_OLD ${LANG_ENGLISH} "${NAME} needs Windows 10 or newer, 64-bit."
LangString TOO_OLD ${LANG_FRENCH} "${NAME} nécessite Windows 10 ou une version ultérieure, 64 bits."
LangString NOT_OURS ${LANG_ENGLISH} "$INSTDIR holds other files. Nothing was installed."
LangString NOT_OURS ${LANG_FRENCH} "$INSTDIR contient d’autres fichiers. Rien n’a été installé."
LangString NOT_WRITTEN ${LANG_ENGLISH} "The files could not be written to $INSTDIR."
LangString NOT_WRITTEN ${LANG_FRENCH} "Les fichiers n’ont pas pu être écrits dans $INSTDIR."
LangString NO_ENGINE ${LANG_ENGLISH} "${NAME} needs Microsoft’s WebView2 runtime, which is not on this computer. Open Microsoft’s download of its installer in the browser now?"
LangString NO_ENGINE ${LANG_FRENCH} "${NAME} a besoin du composant WebView2 de Microsoft, qui n’est pas sur cet ordinateur. Ouvrir maintenant dans le navigateur le téléchargement de son programme d’installation chez Microsoft${U+202F}?"

; Exit codes of a silent run: 2 not installed (the system, or the folder is somebody else's), 3 the app is running,
; 4 files could not be written.
!macro StopWhileRunning RETRY PROGRAM
  ${RETRY}:
  ${If} ${FileExists} "$INSTDIR\${PROGRAM}.exe"
    ; Windows lets nobody write to a program that runs.
    ClearErrors
    FileOpen $0 "$INSTDIR\${PROGRAM}.exe" a
    ${If} ${Errors}
      MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(RUNNING)" /SD IDCANCEL IDRETRY ${RETRY}
      SetErrorLevel 3
      Quit
    ${EndIf}
    FileClose $0
  ${EndIf}
!macroend

; Only what an installer of this app has put there; `_internal` is PyInstaller's name for everything beside the program.
!macro RemoveProgram
  RMDir /r "$INSTDIR\_internal"
  Delete "$INSTDIR\${ID}.exe"
  Delete "$INSTDIR\${CONSOLE}.exe"
  Delete "$INSTDIR\LICENSE.txt"
  Delete "$INSTDIR\NOTICES.txt"
  ReadRegStr $0 HKCU "${OWN_KEY}" "Shortcut"
  ${If} $0 != ""
    Delete "$SMPROGRAMS\$0"
  ${EndIf}
!macroend

Function .onInit
  ${IfNot} ${AtLeastWin10}
  ${OrIfNot} ${RunningX64}
    MessageBox MB_OK|MB_ICONSTOP "$(TOO_OLD)" /SD IDOK
    SetErrorLevel 2
    Quit
  ${EndIf}
FunctionEnd

Section
  SetShellVarContext current
  ; A folder with files and without this app is not ours to write to.
  ${IfNot} ${FileExists} "$INSTDIR\${ID}.exe"
  ${AndIf} ${FileExists} "$INSTDIR\*.*"
    ${DirState} "$INSTDIR" $0
    ${If} $0 == 1
      MessageBox MB_OK|MB_ICONSTOP "$(NOT_OURS)" /SD IDOK
      SetErrorLevel 2
      Quit
    ${EndIf}
  ${EndIf}
  !insertmacro StopWhileRunning install_retry "${ID}"
  !insertmacro StopWhileRunning install_retry_console "${CONSOLE}"
  !insertmacro RemoveProgram

  ClearErrors
  SetOutPath "$INSTDIR"
  File /r "${PAYLOAD}\*.*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  ${If} ${Errors}
    MessageBox MB_OK|MB_ICONSTOP "$(NOT_WRITTEN)" /SD IDOK
    SetErrorLevel 4
    Quit
  ${EndIf}
  CreateShortcut "$SMPROGRAMS\${SHORTCUT}" "$INSTDIR\${ID}.exe"

  WriteRegStr HKCU "${OWN_KEY}" "Folder" "$INSTDIR"
  WriteRegStr HKCU "${OWN_KEY}" "Version" "${VERSION}"
  WriteRegStr HKCU "${OWN_KEY}" "Shortcut" "${SHORTCUT}"
  WriteRegStr HKCU "Software\Classes\${SCHEME}" "" "URL:${NAME}"
  WriteRegStr HKCU "Software\Classes\${SCHEME}" "URL Protocol" ""
  WriteRegStr HKCU "Software\Classes\${SCHEME}\DefaultIcon" "" "$INSTDIR\${ID}.exe,0"
  WriteRegStr HKCU "Software\Classes\${SCHEME}\shell\open\command" "" '"$INSTDIR\${ID}.exe" "%1"'

  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayName" "${NAME}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\${ID}.exe,0"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "Publisher" "${PUBLISHER}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "URLInfoAbout" "${HOMEPAGE}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "EstimatedSize" ${KILOBYTES}
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoRepair" 1

  ; Where the runtime's own installer notes its version (Microsoft: "Detect if a WebView2 Runtime is already installed").
  SetRegView 64
  ReadRegStr $0 HKLM "SOFTWARE\WOW6432Node\${WEBVIEW2}" "pv"
  ReadRegStr $1 HKCU "Software\${WEBVIEW2}" "pv"
  SetRegView lastused
  ${If} $0 == ""
  ${OrIf} $0 == "0.0.0.0"
    ${If} $1 == ""
    ${OrIf} $1 == "0.0.0.0"
      MessageBox MB_YESNO|MB_ICONQUESTION "$(NO_ENGINE)" /SD IDNO IDNO no_engine
      ExecShell "open" "https://go.microsoft.com/fwlink/p/?LinkId=2124703"
      no_engine:
    ${EndIf}
  ${EndIf}
SectionEnd

Section "Uninstall"
  SetShellVarContext current
  !insertmacro StopWhileRunning uninstall_retry "${ID}"
  !insertmacro StopWhileRunning uninstall_retry_console "${CONSOLE}"
  !insertmacro RemoveProgram
  Delete "$INSTDIR\uninstall.exe"
  ; Not recursive: what somebody has put beside the program stays.
  RMDir "$INSTDIR"

  ; Links may have been taken over by another program since.
  ReadRegStr $0 HKCU "Software\Classes\${SCHEME}\shell\open\command" ""
  ${If} $0 == '"$INSTDIR\${ID}.exe" "%1"'
    DeleteRegKey HKCU "Software\Classes\${SCHEME}"
  ${EndIf}
  DeleteRegKey HKCU "${UNINSTALL_KEY}"
  DeleteRegKey HKCU "${OWN_KEY}"
SectionEnd
