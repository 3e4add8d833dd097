"""Names already in use: commands, folders and links of systems and of common programs.

Data alone. Commands: those of a Debian's base (packages of priority required, important and standard), and of common
programs. Links: RFC 7595's registry and what browsers, systems and programs are known to open.
"""

# ruff: noqa: SIM905 - seven hundred names are read more easily without quotation marks
from __future__ import annotations

COMMANDS = frozenset(
    """
accessdb ack adb add-shell addgroup addpart adduser agetty aider alacritty android ansible anydesk apache2 apropos apt
apt-cache apt-cdrom apt-config apt-get apt-key apt-mark arch arduino arp arpd atom audacity awk aws az b2sum badblocks
base32 base64 basename basenc bash bashbug bat bazel bc biome bitwarden black blender blkdiscard blkid blkzone
blockdev bluetooth bluetoothctl brave brew bridge browser bun bunzip2 busctl bzcat bzcmp bzdiff bzegrep bzexe bzfgrep
bzgrep bzip2 bzip2recover bzless bzmore caddy calculator calendar calibre camera capsh captoinfo cargo cat catman
chage chatgpt chattr chcon chcpu chfn chgpasswd chgrp chmem chmod choom chown chpasswd chrome chromium chroot chrt
chsh cksum clang claude clear clock cmake cmp code codex comm composer conda contacts copilot corelist cowsay cp cpan
cpgr cppw cron csplit ctrlaltdel ctstat cups curl cursor cut darktable dart dash date dcb dd deb-systemd-helper
deb-systemd-invoke debconf debconf-apt-progress debconf-communicate debconf-copydb debconf-escape
debconf-set-selections debconf-show debugfs deja-dup delgroup delpart deluser deno desktop devhelp devlink df diff
diff3 dir dircolors dirname discord dmesg dnf dnsdomainname docker docker-compose dolphin domainname dpkg dpkg-deb
dpkg-divert dpkg-fsys-usrunmess dpkg-maintscript-helper dpkg-preconfigure dpkg-query dpkg-realpath dpkg-reconfigure
dpkg-split dpkg-statoverride dpkg-trigger dropbox du dumpe2fs e2freefrag e2fsck e2image e2label e2mmpstatus e2scrub
e2undo e4crypt e4defrag echo eclipse editor egrep electron element-desktop elixir emacs enc2xs encguess env envsubst
eog epiphany eqn erl evince evolution exim4 expand expiry expr factor faillock faillog fallocate false fd ffmpeg fgrep
file filefrag files filezilla fincore find finder findfs findmnt firefox fish flameshot flatpak flock fmt fold free
fsck fsfreeze fstab-decode fstrim fzf gcc gdb gedit gem gemini genl geqn getcap getconf getent getopt getpcaps gettext
getty gh ghc gimp git gitk gitlab gnome gnome-shell gnome-terminal gnuplot go goose gparted gpasswd gpgv gpic gradle
grafana grep groff grog grops grotty groupadd groupdel groupmems groupmod groups grpck grpconv grpunconv gst-launch
gtbl gtk gunzip gzexe gzip h2ph h2xs halt handbrake hardlink head helm helpztags heroku hostid hostname hostnamectl
htop http httpd hugo hwclock hyper i3 i386 iconv iconvconfig id ifconfig imagemagick infocmp infotocap init inkscape
insomnia install installkernel instmodsh ionice ip ipcmk ipcrm ipcs ipmaddr iptunnel ipython irssi ischroot isosize
java javac jenkins join joplin journalctl jq julia jupyter k9s kate kde kdenlive keepassxc kernel-install kill
killall5 kitty konsole krita kubectl kwrite last lastb lastlog lazygit lcf ldattach ldconfig ldd less lessecho
lessfile lesskey lesspipe lexgrog libnetcfg libreoffice lightdm link linux linux32 linux64 lldb llm lmstudio ln lnstat
locale locale-gen localectl localedef localsend logger login loginctl logname losetup ls lsattr lsblk lscpu lsfd lsipc
lsirq lslocks lslogins lsmem lsns lsof lua lynx lzmainfo mail make man man-recode mandb manpath maps mariadb
mattermost maven mawk mcookie md5sum meld mesg messages microk8s mii-tool minikube mise mkdir mke2fs mkfifo mkfs mknod
mkswap mktemp mongo mongod more mount mountpoint mpv msedge music mutt mv mvn mysql namei nameif nautilus nc ncdu
neofetch neovim neqn netcat netstat network networkctl newgrp newsboat newusers ngettext nginx nice ninja
nisdomainname nix nl nmap node nodejs nohup nologin notes notion npm nproc npx nroff nsenter nstat numfmt nvim obs
obs-studio obsidian octave od ollama openai opencode openssl openvpn opera owncloud pam-auth-update pandoc parallel
partx pass passwd paste pathchk pcmanfm perl perlbug perldoc perlivp perlthanks pgrep photos php pic piconv pidgin
pidof pidwait pinky pip pip3 pipenv pipx pkill pl2pm plasma pldd plipconfig pm2 pmap pnpm pod2html pod2man pod2text
pod2usage podchecker podman poetry postfix postgres postman poweroff powershell pr preconv printenv printf prlimit
prove ps psql ptar ptardiff ptargrep ptx pulseaudio pwck pwconv pwd pwdx pwsh pwunconv pycharm pypy python python2
python3 qbittorrent qemu qutebrowser rabbitmq ranger rarp rbash rclone rdma readlink readprofile realpath reboot redis
redis-cli remove-shell renice reset resize2fs resizepart rev rg rgrep rhythmbox ripgrep rm rmdir rmt-tar route routel
rpm rsync rtacct rtcwake rtmon rtstat ruby ruff run-parts runcon runlevel runuser rust rustc rustup rviz savelog scala
scp screen script scriptlive scriptreplay sdiff sed select-editor sensible-browser sensible-editor sensible-pager seq
server service setarch setcap setpriv setsid setterm settings sftp sg sh sha1sum sha224sum sha256sum sha384sum
sha512sum shadowconfig shasum shell shotwell shred shuf shutdown signal signal-desktop skill skype slabtop slack
slattach sleep slogin snap snapd snice soelim sort sox splain split spotify sqlite3 ss ssh ssh-add ssh-agent ssh-argv0
ssh-copy-id ssh-keygen ssh-keyscan sshd start-stop-daemon stat stdbuf steam stow streamzip stty su sublime sudo
sulogin sum supervisor svn swaplabel swapoff swapon swift sync syncthing sysctl system systemctl systemd
systemd-analyze systemd-ask-password systemd-cat systemd-cgls systemd-cgtop systemd-creds systemd-cryptenroll
systemd-delta systemd-detect-virt systemd-escape systemd-firstboot systemd-id128 systemd-inhibit
systemd-machine-id-setup systemd-mount systemd-notify systemd-path systemd-repart systemd-run systemd-socket-activate
systemd-stdio-bridge systemd-sysext systemd-sysusers systemd-tmpfiles systemd-tty-ask-password-agent systemd-umount
tabs tac tail tailscale tar tarcat taskset tbl tc teams teamviewer tee telegram telegram-desktop telinit tempfile
terminal terraform test thunar thunderbird tic tig time timedatectl timeout tipc tldr tload tmux toe top tor touch tox
tput tr transmission tree troff true truncate tset tsort tty tune2fs tzselect ucf ucfq ucfr uclampset umount uname
uncompress unexpand uniq unlink unshare unxz update update-alternatives update-ca-certificates update-locale
update-passwd update-shells uptime useradd userdel usermod users utmpdump uv uvx vagrant validlocale vault vdir vdpa
vi vigr vim vipw virtualbox vlc vmstat vnc vscode vscodium wall watch wc wdctl wezterm wget whatis whatsapp whereis
who whoami windows wine wipefs wireguard wireshark word xargs xclip xdg-open xfce4 xsubpp xterm xz xzcat xzcmp xzdiff
xzegrep xzfgrep xzgrep xzless xzmore yarn yes ypdomainname yt-dlp zcat zcmp zdiff zdump zed zegrep zellij zfgrep
zforce zgrep zic zipdetails zless zmore znew zoom zoxide zramctl zsh
""".split()
)
"""Commands, packages and words for parts of a system, in small letters."""

FOLDERS = frozenset(
    """
adobe apple applications autostart backgrounds cgi-bin comms dbus-1 desktop-directories doc firmware flatpak fonts
google gvfs-metadata help history icc icons info keyrings licenses locale man menus metainfo microsoft mime misc
modules mozilla nautilus packages pixmaps pki polkit-1 programs publishers recently-used sounds ssl swcatalog systemd
temp templates themes trash wallpapers xsessions zoneinfo
""".split()
)
"""Folders that share a place with an app's data (`~/.local/share`, `%LOCALAPPDATA%`, `/usr/lib`): *Delete all data*
would take them along."""

DEVICES = frozenset(
    """
aux com0 com1 com2 com3 com4 com5 com6 com7 com8 com9 con conin conout lpt0 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8
lpt9 nul prn
""".split()
)
"""What Windows takes for a device, whatever stands behind a dot (Microsoft, "Naming Files, Paths, and Namespaces")."""

SCHEMES: dict[str, frozenset[str]] = {
    "the web and its browsers": frozenset(
        """
about arc blob brave chrome chrome-devtools chrome-extension chrome-untrusted cid content dat data devtools dweb edge
feed filesystem firefox ftp ftps gemini gopher http https intent ipfs ipns jar javascript mid moz-extension moz-icon
onion opera res resource rss safari tag tor urn vbscript view-source vivaldi webcal webcals ws wss wyciwyg
""".split()
    ),
    "mail programs": frozenset(
        """
googlegmail imap imaps mailto message ms-outlook news nntp outlook pop pop3 smtp snews thunderbird
""".split()
    ),
    "telephones and messages": frozenset(
        """
callto facetime facetime-audio im imessage mms mmsto sip sips skype skypeforbusiness sms smsto tel telephone
""".split()
    ),
    "files and the system's own programs": frozenset(
        """
addressbook admin afp applescript appstream apt bluetooth burn calculator calendar calshow camera cdda cifs clock
computer contacts dav davs dict dns dvd ed2k file flatpak-https geo ghelp gphoto2 help ibooks info itms itms-apps
itms-appss itmss itunes ldap ldaps macappstore magnet man map maps market mdns mobilenotes mtp music network nfs notes
openid otpauth otpauth-migration photos podcast podcasts prefs rdp rlogin rsync scp search search-ms settings sftp
shell shortcuts smb snap spice ssh telnet tn3270 trash tv vcard videos vnc wifi x-apple x11
""".split()
    ),
    "money": frozenset(
        """
bitcoin bitcoincash cashapp dogecoin ethereum lightning litecoin lnurl monero pay paypal payto upi venmo wc web3
""".split()
    ),
    "another program": frozenset(
        """
1password alfred android-app anydesk asana atom authy battlenet bear bitwarden bsky calibre chatgpt claude
claude-desktop code-oss codex com.epicgames.launcher copilot cursor deezer discord docker docker-desktop drafts
dropbox element emacs epic evernote facebook fb fb-messenger figma filezilla gdrive gemini-app git git-client
github-mac github-windows gitkraken gotomeeting huggingface idea insomnia instagram ios-app irc irc6 ircs itch jan
jetbrains jitsi-meet keepassxc kindle lastpass line linear linkedin lm-studio lmstudio mastodon matrix mattermost
mendeley messenger minecraft miro mpv msteams mumble nextcloud notion notion-calendar obsidian ollama omnifocus
onenote onepassword openai origin origin2 owncloud perplexity phpstorm pinterest poe postman putty pycharm qq raycast
reddit roblox roblox-player rocketchat sgnl signal sketch slack snapchat soundcloud sourcetree spotify steam subl
sublime svn tailscale teams teamspeak teamviewer telegram tg things tidal tiktok todoist trello ts3server twitch
twitter txmt unityhub uplay viber vlc vnd.youtube vscode vscode-insiders vscodium webex webstorm wechat weixin
whatsapp whatsapp-consumer windsurf winscp x-github-client x-twitter xcode xmpp youtube zed zoommtg zoomphonecall
zoomus zotero
""".split()
    ),
}
"""{to whom they belong: schemes of links, without the colon}."""

SCHEME_FAMILIES = {
    "ms-": "Windows and Microsoft's programs",
    "microsoft": "Microsoft's programs",
    "x-apple": "Apple's programs",
    "apple-": "Apple's programs",
    "com.apple.": "Apple's programs",
    "com.microsoft.": "Microsoft's programs",
    "com.google.": "Google's programs",
    "x-scheme-handler": "the system",
    "x-msg": "the system",
    "chrome-": "the web and its browsers",
    "moz-": "the web and its browsers",
    "web+": "the web and its browsers",
    "ext+": "the web and its browsers",
    "android-": "Android",
    "itms": "Apple's programs",
    "fb-": "Facebook",
}
"""{how schemes begin: to whom they belong}."""

IDENTIFIERS = {
    "com.apple.": "Apple",
    "com.microsoft.": "Microsoft",
    "com.google.": "Google",
    "com.openai.": "OpenAI",
    "org.debian.": "Debian",
    "org.freedesktop.": "freedesktop.org",
    "org.gnome.": "GNOME",
    "org.kde.": "KDE",
    "org.mozilla.": "Mozilla",
}
"""{how identifiers begin: whose domain that is}."""
